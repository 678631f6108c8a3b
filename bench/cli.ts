/** npm run bench: chooses benches, runs them on a broker, prints what they found. */
import { parseArgs } from 'node:util';
import { PRESSURE_PARTS, runPressure } from './pressure/pressure.js';
import { describeFloors, measureFloors } from './speed/floors.js';
import { runSpeed, SPEED_PARTS } from './speed/speed.js';
import type { Cluster } from './support/bench-log.js';
import { closeAll } from './support/closing.js';
import { reportAsText, type Finding } from './support/report.js';

const USAGE = `npm run bench -- [speed | pressure] [part …] [options]
speed (default)        how fast the swarm is, beside the floors of the same run
  one-task             from the decision to the result, one task at a time
  in-flight            tasks a second with 12, 60, 200 and 1,000 under way
  durable-call         what a journaled tool call adds, and whether it stays so
  start-up             from the start to the first task, with 0, 100,000 and 1,000,000 records behind the replay points
  scale-out            tasks a second with 1, 2 and 4 worker processes, beside the ideal
  at-rest              processor time and memory of a swarm that has nothing to do
  cpu                  what the processor time of a task goes into
  --profile DIR        cpu keeps its last profile there, as a flame graph (SVG) and for DevTools
  --rounds N           of each figure (default 5)
  --history N          missions that durable-call runs in one topic (default 10000)
pressure               whether much work lets a process grow, and how long a start takes in front of it
  queued-tasks         a worker starts in front of many queued tasks
  open-missions        an orchestrator starts with many open missions
  long-tasks-topic     a worker starts with much log after, then before its replay point
  long-coordination    the same for an orchestrator
  --tasks N            queued tasks (default 100000)
  --missions N         missions that they belong to, and open missions (default 1000)
  --megabytes N        size of the long topics (default 1024)
  --watch S            seconds that memory is watched for once everything is folded (default 20)
  --json               the figures as one JSON document
  --help               this text
`;

export interface Places {
  readonly projectDir: string;
  /** Calls back when the person stops the bench. */
  onInterrupt(listener: () => void): void;
  findCluster(): Promise<Cluster & { stop(): Promise<void> }>;
}

/** What a bench measures, in turns. */
type Measure = (cluster: Cluster, projectDir: string) => AsyncGenerator<readonly Finding[]>;

/** Resolves with the exit code: 0 when it was measured, 2 for wrong use, 130 when it was interrupted. */
export async function main(argv: readonly string[], { projectDir, onInterrupt, findCluster }: Places): Promise<number> {
  const wanted = parse(argv);
  if (typeof wanted === 'string') return print(process.stderr, wanted === '' ? USAGE : `${wanted}\n${USAGE}`, wanted === '' ? 0 : 2);
  const cluster = await findCluster();
  const interrupted = new Promise<'interrupted'>((resolve) => onInterrupt(() => resolve('interrupted')));
  try {
    const findings: Finding[] = [];
    const measuring = wanted.measure(cluster, projectDir);
    for (;;) {
      const found = await Promise.race([measuring.next(), interrupted]);
      if (found === 'interrupted') return print(process.stderr, 'interrupted\n', 130);
      if (found.done === true) break;
      findings.push(...found.value);
    }
    return print(process.stdout, wanted.json ? `${JSON.stringify(findings, null, 2)}\n` : reportAsText(findings), 0);
  } finally {
    await closeAll();
    await cluster.stop();
  }
}

const OPTIONS = {
  rounds: { type: 'string', default: '5' }, history: { type: 'string', default: '10000' },
  tasks: { type: 'string', default: '100000' }, missions: { type: 'string', default: '1000' }, megabytes: { type: 'string', default: '1024' }, watch: { type: 'string', default: '20' },
  profile: { type: 'string' }, json: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
} as const;

/** What was asked for, or what is wrong with it; empty: only the usage was asked for. */
function parse(argv: readonly string[]): string | { readonly measure: Measure; readonly json: boolean } {
  let given;
  try {
    given = parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error);
  }
  const { values: { json, help, profile, ...numbers }, positionals: [bench = 'speed', ...names] } = given;
  if (help) return '';
  const wrong = Object.entries(numbers).find(([, text]) => !/^[1-9]\d{0,8}$/.test(text));
  if (wrong !== undefined) return `--${wrong[0]} ${wrong[1]}: it takes a whole number from 1`;
  const { rounds, history, ...sizes } = { rounds: Number(numbers.rounds), history: Number(numbers.history), tasks: Number(numbers.tasks), missions: Number(numbers.missions), megabytes: Number(numbers.megabytes), watch: Number(numbers.watch) };
  switch (bench) {
    case 'speed': {
      const parts = partsOf(bench, SPEED_PARTS, names);
      return typeof parts === 'string' ? parts : { json, measure: (cluster, projectDir) => speed(parts, { cluster, projectDir, rounds, history, profileDir: profile ?? null }) };
    }
    case 'pressure': {
      const parts = partsOf(bench, PRESSURE_PARTS, names);
      return typeof parts === 'string' ? parts : { json, measure: (cluster, projectDir) => pressure(parts, { cluster, projectDir, ...sizes }) };
    }
    default:
      return `there is no bench ${bench}; there are speed and pressure`;
  }
}

function partsOf<P extends string>(bench: string, parts: readonly P[], names: readonly string[]): readonly P[] | string {
  const unknown = names.find((name) => parts.every((part) => part !== name));
  if (unknown !== undefined) return `${bench} has no part ${unknown}; it has ${parts.join(', ')}`;
  return names.length === 0 ? parts : parts.filter((part) => names.includes(part));
}

async function* speed(parts: readonly (typeof SPEED_PARTS)[number][], options: Omit<Parameters<typeof runSpeed>[1], 'floors'>): AsyncGenerator<readonly Finding[]> {
  say('floors');
  const floors = await measureFloors(options.cluster, options.rounds);
  yield [describeFloors(floors)];
  for (const part of parts) {
    say(part);
    yield await runSpeed(part, { ...options, floors });
  }
}

async function* pressure(parts: readonly (typeof PRESSURE_PARTS)[number][], options: Parameters<typeof runPressure>[1]): AsyncGenerator<readonly Finding[]> {
  for (const part of parts) {
    say(part);
    yield await runPressure(part, options);
  }
}

function say(part: string): void {
  process.stderr.write(`measuring ${part}\n`);
}

function print(stream: NodeJS.WriteStream, text: string, exitCode: number): number {
  stream.write(text);
  return exitCode;
}
