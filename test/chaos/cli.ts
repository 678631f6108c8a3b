/** npm run chaos: its options, and the exit code. */
import { setMaxListeners } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { findJava } from '../../src/local/java-runtime.js';
import type { Fault } from './fault.js';
import { FAULTS } from './faults/all.js';
import { runFaults } from './run-faults.js';
import { createSite, NotInTime, type Site } from './site.js';
import { goalsHold, measureEnds, measureFailover, measureTable, type Measured } from './measure.js';
import { createRows, markdownTable, rowHolds, textTable, type Row } from './table.js';
import { startWorld } from './world.js';

const USAGE = `npm run chaos -- [options]
  --minutes N        how long faults last (default 3)
  --faults a,b       only these; --list shows them
  --seed S           the order of the faults; printed when not given
  --workers N        worker processes (default 3)
  --orchestrators N  orchestrator processes (default 2)
  --failover         measure instead: from SIGKILL of a worker to the next step, of an orchestrator to the next decision
  --latency          measure instead: from a cancel or a time limit to the end of the command's processes
  --rounds N         how often each is measured (default 10)
  --session-timeout MS  KAFKA_SESSION_TIMEOUT_MS of the swarm (default: the product's)
  --list             the faults, what they do and how the swarm recovers
  --json FILE        everything that was found
  --markdown FILE    the table for a document, with date, machine and versions
  --results FILE     {passed, failed}: one for each fault's row
  --keep             leave the directory with logs, brokers' data and workspaces
  --help             this text
Exit codes: 0 every promise was kept, 1 not, 2 wrong use, 3 no Java or no brokers' jars, 130 interrupted.
`;

/** What was asked for, read and checked. */
interface Wishes {
  readonly minutes: number;
  readonly seed: number;
  readonly workers: number;
  readonly orchestrators: number;
  readonly faults: readonly Fault[];
  /** What is measured instead of striking; empty: faults strike. */
  readonly measure: readonly ('failover' | 'latency')[];
  readonly rounds: number;
  readonly sessionTimeoutMs: number | null;
  readonly keep: boolean;
  readonly json: string | null;
  readonly markdown: string | null;
  readonly results: string | null;
}

class WrongUse extends Error {}

export async function main(argv: readonly string[], root: string): Promise<number> {
  try {
    const wishes = readArguments(argv);
    if (typeof wishes === 'string') return say(process.stdout, wishes, 0);
    const java = await findJava(process.env);
    const jars = join(root, '.ravenhelm/jars/complete.json');
    if (!java.found) return say(process.stderr, `No brokers can be started: ${java.reason}. Run: npm run setup\n`, 3);
    if (
      !(await access(jars).then(
        () => true,
        () => false,
      ))
    )
      return say(process.stderr, `The brokers' jars are not there (${jars}). Run: npm run setup\n`, 3);
    return await carryOut(wishes, root, java.java);
  } catch (error) {
    if (error instanceof WrongUse) return say(process.stderr, `${error.message}\n${USAGE}`, 2);
    throw error;
  }
}

function readArguments(argv: readonly string[]): Wishes | string {
  const { values } = parse(argv);
  if (values.help === true) return USAGE;
  if (values.list === true)
    return FAULTS.map(({ name, what, recovery }) => `${name.padEnd(22)} ${what}; ${recovery}\n`).join('');
  return {
    minutes: numberOf('--minutes', values.minutes ?? '3', 0.1),
    seed: wholeNumberOf('--seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)), 0),
    workers: wholeNumberOf('--workers', values.workers ?? '3', 1),
    orchestrators: wholeNumberOf('--orchestrators', values.orchestrators ?? '2', 1),
    faults: faultsOf(values.faults),
    measure: [
      ...(values.failover === true ? (['failover'] as const) : []),
      ...(values.latency === true ? (['latency'] as const) : []),
    ],
    rounds: wholeNumberOf('--rounds', values.rounds ?? '10', 1),
    sessionTimeoutMs:
      values['session-timeout'] === undefined
        ? null
        : wholeNumberOf('--session-timeout', values['session-timeout'], 6_000),
    keep: values.keep === true,
    json: values.json ?? null,
    markdown: values.markdown ?? null,
    results: values.results ?? null,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string' },
        faults: { type: 'string' },
        seed: { type: 'string' },
        workers: { type: 'string' },
        orchestrators: { type: 'string' },
        failover: { type: 'boolean' },
        latency: { type: 'boolean' },
        rounds: { type: 'string' },
        'session-timeout': { type: 'string' },
        list: { type: 'boolean' },
        json: { type: 'string' },
        markdown: { type: 'string' },
        results: { type: 'string' },
        keep: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    // By its code: node's errors may come from another realm than this module's TypeError.
    if (
      error !== null &&
      typeof error === 'object' &&
      'code' in error &&
      String(error.code).startsWith('ERR_PARSE_ARGS')
    )
      throw new WrongUse(reasonOf(error));
    throw error;
  }
}

function numberOf(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value < least)
    throw new WrongUse(`${flag} is ${text}; it must be a number of at least ${least}`);
  return value;
}

function wholeNumberOf(flag: string, text: string, least: number): number {
  const value = numberOf(flag, text, least);
  if (!Number.isSafeInteger(value)) throw new WrongUse(`${flag} is ${text}; it must be a whole number`);
  return value;
}

function faultsOf(text: string | undefined): readonly Fault[] {
  if (text === undefined) return FAULTS;
  const names = text.split(',').filter((name) => name !== '');
  const unknown = names.filter((name) => !FAULTS.some((fault) => fault.name === name));
  if (unknown.length > 0 || names.length === 0)
    throw new WrongUse(`no such fault: ${unknown.join(', ')}; there are ${FAULTS.map(({ name }) => name).join(', ')}`);
  return FAULTS.filter(({ name }) => names.includes(name));
}

async function carryOut(wishes: Wishes, root: string, java: string): Promise<number> {
  const interruption = new AbortController();
  setMaxListeners(0, interruption.signal); // every wait of a run listens to it
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => interruption.abort(new Error(`stopped by ${signal}`)));
  const startedMs = Date.now();
  const site = await createSite(
    root,
    interruption.signal,
    (line) => void process.stdout.write(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(7)}  ${line}\n`),
  );
  try {
    return await (wishes.measure.length === 0
      ? runAndReport(site, wishes, java)
      : measureAndReport(site, wishes, java));
  } catch (error) {
    if (interruption.signal.aborted)
      return say(
        process.stderr,
        `${reasonOf(interruption.signal.reason)}; everything that was started is ended\n`,
        130,
      );
    if (error instanceof NotInTime)
      return say(process.stderr, `${error.message}; nothing was judged. --keep leaves the logs\n`, 1);
    throw error;
  } finally {
    await site.end(wishes.keep);
    if (wishes.keep) say(process.stdout, `kept: ${site.dir}\n`, 0);
  }
}

async function runAndReport(site: Site, wishes: Wishes, java: string): Promise<number> {
  site.say(`seed ${wishes.seed}: npm run chaos -- --minutes ${wishes.minutes} --seed ${wishes.seed}`);
  const omitted = new Map<string, string>();
  for (const fault of wishes.faults) {
    const why = (await fault.impossible?.()) ?? null;
    if (why !== null) omitted.set(fault.name, `not possible here: ${why}`);
  }
  const world = await startWorld(site, {
    java,
    seed: wishes.seed,
    workers: wishes.workers,
    orchestrators: wishes.orchestrators,
    sessionTimeoutMs: wishes.sessionTimeoutMs,
  });
  const outcome = await runFaults(
    world,
    wishes.faults.filter(({ name }) => !omitted.has(name)),
    wishes.minutes,
  );
  const rows = createRows(outcome, wishes.faults, omitted, world.observer.progress);
  await writeReports(wishes, rows, outcome);
  const { buried } = outcome;
  const lost = `; ${buried.length} missions were open in a deleted topic and were lost with it: ${buried.join(', ')}`;
  say(
    process.stdout,
    `\n${textTable(rows)}\n\n${outcome.acknowledgedAppends} acknowledged appends were compared with the log; ` +
      `${outcome.refusedSubmissions} submissions were refused and promised nothing${buried.length === 0 ? '' : lost}\n`,
    0,
  );
  for (const problem of new Set(rows.flatMap(({ problems }) => problems)))
    say(process.stdout, `BROKEN ${problem}\n`, 0);
  return rows.every(rowHolds) ? 0 : 1;
}

async function measureAndReport(site: Site, wishes: Wishes, java: string): Promise<number> {
  const world = await startWorld(site, {
    java,
    seed: wishes.seed,
    workers: 2,
    orchestrators: 2,
    sessionTimeoutMs: wishes.sessionTimeoutMs,
  });
  const measured: Measured[] = [];
  if (wishes.measure.includes('latency')) measured.push(...(await measureEnds(world, wishes.rounds)));
  if (wishes.measure.includes('failover')) measured.push(...(await measureFailover(world, wishes.rounds)));
  const title = `${provenance(wishes.seed)}, session timeout ${world.sessionTimeoutMs / 1000} s`;
  say(process.stdout, `\n${title}\n\n${measureTable(measured)}\n`, 0);
  if (wishes.json !== null)
    await writeFile(
      wishes.json,
      `${JSON.stringify({ sessionTimeoutMs: world.sessionTimeoutMs, measured }, null, 2)}\n`,
    );
  if (wishes.markdown !== null) await writeFile(wishes.markdown, `${title}\n\n${measureTable(measured)}\n`);
  if (wishes.results !== null) await writeResults(wishes.results, measured, (one) => goalsHold([one]));
  return goalsHold(measured) ? 0 : 1;
}

async function writeReports(
  { json, markdown, results, seed, minutes }: Wishes,
  rows: readonly Row[],
  outcome: object,
): Promise<void> {
  if (json !== null) await writeFile(json, `${JSON.stringify({ seed, minutes, rows, outcome }, null, 2)}\n`);
  if (markdown !== null)
    await writeFile(markdown, `${provenance(seed)}, ${minutes} minutes\n\n${markdownTable(rows)}\n`);
  const struck = rows.filter(({ omitted }) => omitted === null);
  if (results !== null) await writeResults(results, struck, rowHolds);
}

async function writeResults<T>(file: string, all: readonly T[], holds: (one: T) => boolean): Promise<void> {
  const passed = all.filter(holds).length;
  await writeFile(file, `${JSON.stringify({ passed, failed: all.length - passed })}\n`);
}

const lockFile = z.object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) });

/** When and where: a figure without it means little. */
function provenance(seed: number): string {
  const { packages } = lockFile.parse(JSON.parse(readFileSync('package-lock.json', 'utf8')));
  const [jar = ''] = readdirSync('.ravenhelm/jars/kafka').filter((name) => name.startsWith('kafka_'));
  const versions = [
    `Kafka ${/-([\d.]+)\.jar$/.exec(jar)?.[1] ?? ''}`,
    `kafkajs ${packages['node_modules/kafkajs']?.version ?? ''}`,
    `Node ${process.version}`,
  ];
  return (
    `${new Date().toISOString().slice(0, 10)}, seed ${seed}, ${cpus().length} cores, ` +
    `${Math.round(totalmem() / 2 ** 30)} GB, ${versions.join(', ')}`
  );
}

const reasonOf = (error: unknown): string =>
  typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);

function say(stream: NodeJS.WriteStream, text: string, exitCode: number): number {
  stream.write(text);
  return exitCode;
}
