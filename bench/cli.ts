/** npm run bench: chooses a bench, runs it on a broker, prints what it found. */
import { parseArgs } from 'node:util';
import { PRESSURE_PARTS, runPressure, type PressurePart } from './pressure/pressure.js';
import type { Cluster } from './support/bench-log.js';
import { closeAll } from './support/closing.js';
import { reportAsText, type Finding } from './support/report.js';

const USAGE = `npm run bench -- pressure [part …] [options]
  queued-tasks         a worker starts in front of many queued tasks
  open-missions        an orchestrator starts with many open missions
  long-tasks-topic     a worker starts with much log after, then before its replay point
  long-coordination    the same for an orchestrator
  --tasks N            queued tasks (default 100000)
  --missions N         missions that they belong to, and open missions (default 1000)
  --megabytes N        size of the long topics (default 1024)
  --watch S            seconds that memory is watched for once everything is folded (default 20)
  --json               the figures as one JSON document
`;

export interface Places {
  readonly projectDir: string;
  /** Calls back when the person stops the bench. */
  onInterrupt(listener: () => void): void;
  findCluster(): Promise<Cluster & { stop(): Promise<void> }>;
}

/** Resolves with the exit code: 0 when it was measured, 2 for wrong use, 130 when it was interrupted. */
export async function main(argv: readonly string[], { projectDir, onInterrupt, findCluster }: Places): Promise<number> {
  const wanted = parse(argv);
  if (typeof wanted === 'string') return print(process.stderr, wanted === '' ? USAGE : `${wanted}\n${USAGE}`, wanted === '' ? 0 : 2);
  const cluster = await findCluster();
  const interrupted = new Promise<'interrupted'>((resolve) => onInterrupt(() => resolve('interrupted')));
  try {
    const findings: Finding[] = [];
    for (const part of wanted.parts) {
      process.stderr.write(`pressure: ${part}\n`);
      const found = await Promise.race([runPressure(part, { cluster, projectDir, ...wanted.sizes }), interrupted]);
      if (found === 'interrupted') return print(process.stderr, 'interrupted\n', 130);
      findings.push(...found);
    }
    return print(process.stdout, wanted.json ? `${JSON.stringify(findings, null, 2)}\n` : reportAsText(findings), 0);
  } finally {
    await closeAll();
    await cluster.stop();
  }
}

/** What was asked for, or what is wrong with it; empty: only the usage was asked for. */
function parse(argv: readonly string[]) {
  const { values, positionals: [bench, ...names] } = parseArgs({
    args: [...argv], allowPositionals: true,
    options: { tasks: { type: 'string' }, missions: { type: 'string' }, megabytes: { type: 'string' }, watch: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
  });
  if (values.help === true) return '';
  if (bench !== 'pressure') return `there is no bench ${bench ?? '(none was named)'}; there is pressure`;
  const unknown = names.find((name) => !isPart(name));
  if (unknown !== undefined) return `pressure has no part ${unknown}; it has ${PRESSURE_PARTS.join(', ')}`;
  const sizes = { tasks: Number(values.tasks ?? 100_000), missions: Number(values.missions ?? 1_000), megabytes: Number(values.megabytes ?? 1_024), watch: Number(values.watch ?? 20) };
  const wrong = Object.entries(sizes).find(([, size]) => !Number.isSafeInteger(size) || size < 1);
  if (wrong !== undefined) return `--${wrong[0]} takes a whole number from 1`;
  const parts = names.length === 0 ? PRESSURE_PARTS : names.filter(isPart);
  return { parts, sizes, json: values.json === true };
}

const isPart = (name: string): name is PressurePart => PRESSURE_PARTS.some((part) => part === name);

function print(stream: NodeJS.WriteStream, text: string, exitCode: number): number {
  stream.write(text);
  return exitCode;
}
