/** What the commands for one mission and the list cost in front of records of missions that ended days ago. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KafkaMessage } from 'kafkajs';
import type { ProducedMessage } from 'ravenhelm-kafkajs/src/protocol/requests/produce/v3/request.js';
import { measureBatch } from '../../src/kafka/record-batch.js';
import type { PartitionId } from '../../src/ports/log.js';
import { produceRaw } from '../../test/support/raw-producer.js';
import { committedUpTo } from '../pressure/committed.js';
import { COORDINATION_PARTITIONS, missionIdIn, missionRecord } from '../pressure/events.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { whenHeld } from '../support/fold-figures.js';
import { figure, type Figure, type Finding } from '../support/report.js';
import { startRole } from '../support/role-process.js';
import { quantile } from '../support/statistics.js';
import type { SpeedOptions } from './options.js';

const RECORDS = [0, 100_000, 1_000_000];
/** Older than what status lists without further words. */
const AGE_MS = 3 * 24 * 3_600_000;
const BATCH = 2_000;
const TIMESTAMPS = 'message.timestamp.type';

type Command = 'status MISSION' | 'watch MISSION' | 'show MISSION' | 'status' | 'status last' | 'submit --wait';

/** Each command is a separate process, as people start it; orchestrator and worker run. */
export async function measureHistory({
  cluster,
  projectDir,
  rounds: count,
}: Pick<SpeedOptions, 'cluster' | 'projectDir' | 'rounds'>): Promise<readonly Finding[]> {
  const figures = new Map<string, Figure[]>();
  const add = (what: string, records: number, unit: 's' | 'CPU s', samples: readonly number[]) => {
    const before = figures.get(what) ?? [];
    const [none] = before;
    const floor = none === undefined ? {} : { floor: { name: 'with none', value: quantile(none.samples, 0.5) } };
    const name = `${what}, ${records.toLocaleString('en')} records`;
    figures.set(what, [...before, { ...figure(name, unit, ...samples), ...floor }]);
  };
  for (const records of RECORDS) {
    process.stderr.write(`  with ${records} records\n`);
    // Set when it is created: a broker writes a batch or more by the old setting after it has taken another one.
    const bench = await openBenchLog(cluster, projectDir, 0, { [TIMESTAMPS]: 'CreateTime' });
    const dir = await mkdtemp(join(tmpdir(), 'ravenhelm-bench-'));
    try {
      if (records > 0) await writeHistory(bench, records, await writtenRecords(cluster, projectDir));
      await setAppendTime(bench);
      for (const [command, runs] of await measureCommands(bench, { projectDir, dir, records, count })) {
        const seconds = runs.map((run) => run.seconds);
        const cpuSeconds = runs.map((run) => run.cpuSeconds);
        add(command, records, 's', seconds);
        add(`processor time of ${command}`, records, 'CPU s', cpuSeconds);
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
      await bench.close();
    }
  }
  return [{ title: 'commands in front of a history, each as a process', figures: [...figures.values()].flat() }];
}

/** One record of each partition as the product writes it, from separate topics: it has the time of today. */
async function writtenRecords(
  cluster: SpeedOptions['cluster'],
  projectDir: string,
): Promise<ReadonlyMap<number, KafkaMessage>> {
  const bench = await openBenchLog(cluster, projectDir, 0);
  try {
    const partitions = Array.from({ length: COORDINATION_PARTITIONS }, (_, partition) => partition);
    await bench.write(partitions.map((partition) => progressIn(bench, partition)));
    return await firstRecords(bench.kafka, bench.topics.coordination);
  } finally {
    await bench.close();
  }
}

/** Copies of a record of each partition, with a time of some days ago, in raw batches. */
async function writeHistory(
  { topics, kafka }: BenchLog,
  records: number,
  firsts: ReadonlyMap<number, KafkaMessage>,
): Promise<void> {
  const each = Math.ceil(records / COORDINATION_PARTITIONS);
  for (const [partition, record] of firsts) {
    const place = { topic: topics.coordination, partition };
    const broker = await leaderOf(kafka, place);
    const [whole, rest] = [batchOf(record, BATCH), batchOf(record, each % BATCH)];
    for (let written = 0; written + BATCH <= each; written += BATCH) await produceRaw(broker, place, whole);
    if (each % BATCH > 0) await produceRaw(broker, place, rest);
  }
  await requireOld(kafka, topics.coordination);
}

/** Throws where a record has another time than that of days ago: what is listed would begin with it. */
async function requireOld(kafka: BenchLog['kafka'], topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const [ends, offsets] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchTopicOffsetsByTimestamp(topic, Date.now() - AGE_MS / 2),
  ]);
  await admin.disconnect();
  const endOf = (partition: number) => ends.find((each) => each.partition === partition)?.high;
  const young = offsets.find(({ partition, offset }) => offset !== endOf(partition));
  if (young !== undefined) throw new Error(`${topic}[${young.partition}] has a young record at ${young.offset}`);
}

function progressIn(bench: BenchLog, partition: number) {
  const missionId = missionIdIn(partition, AGE_MS);
  return missionRecord(bench, missionId, partition, 'task_progress', {
    ...{ mission_id: missionId, task_id: 'deploy-cert_agent-wave1', attempt: 1, step: 1 },
    ...{ tool: 'execute_terminal_command', message: 'step: execute_terminal_command' },
    ...{ substeps_completed: 1, substeps_total: 20, percent_complete: 5, unserved_since: null, unknown_agent: false },
  });
}

/** The same record so many times, as the log holds it. */
function batchOf({ key, value, headers }: KafkaMessage, count: number): Buffer {
  const record = { key, value, ...(headers === undefined ? {} : { headers }) } as ProducedMessage;
  const measured = measureBatch(
    Array.from({ length: count }, () => record),
    Date.now() - AGE_MS,
  );
  const batch = Buffer.alloc(measured.bytes);
  measured.write(batch, 0);
  return batch;
}

async function leaderOf(kafka: BenchLog['kafka'], { topic, partition }: PartitionId): Promise<string> {
  const admin = kafka.admin();
  await admin.connect();
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  const { brokers } = await admin.describeCluster();
  await admin.disconnect();
  const leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader;
  const found = brokers.find(({ nodeId }) => nodeId === leader);
  if (found === undefined) throw new Error(`${topic}[${partition}] has no leader`);
  return `${found.host}:${found.port}`;
}

/** By partition. */
async function firstRecords(kafka: BenchLog['kafka'], topic: string): Promise<ReadonlyMap<number, KafkaMessage>> {
  const consumer = kafka.consumer({ groupId: `${topic}.bench` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const firsts = new Map<number, KafkaMessage>();
  await new Promise<void>((resolve, reject) => {
    const eachMessage = async ({ partition, message }: { partition: number; message: KafkaMessage }) => {
      firsts.set(partition, message);
      if (firsts.size === COORDINATION_PARTITIONS) resolve();
    };
    consumer.run({ autoCommit: false, eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return firsts;
}

/** The product's own setting. A request for configs replaces all of them. */
async function setAppendTime({ kafka, topics: { coordination: topic } }: BenchLog): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const set = { [TIMESTAMPS]: 'LogAppendTime', 'max.message.bytes': '8388608', 'retention.ms': '-1' };
  const configEntries = Object.entries(set).map(([name, value]) => ({ name, value }));
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name: topic, configEntries }] });
  await admin.disconnect();
}

interface Measuring {
  readonly projectDir: string;
  /** For the mission's file. */
  readonly dir: string;
  readonly records: number;
  readonly count: number;
}

interface Run {
  readonly stdout: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** Of each round. */
async function measureCommands(
  bench: BenchLog,
  { projectDir, dir, records, count }: Measuring,
): Promise<ReadonlyMap<Command, readonly Run[]>> {
  const roles = [startRole(projectDir, 'orchestrator', bench.env), startRole(projectDir, 'worker', bench.env)];
  try {
    const [orchestrator] = roles;
    if (orchestrator !== undefined) await whenHeld(orchestrator);
    await allCommitted(bench, records);
    const file = join(dir, 'mission.yaml');
    await writeFile(file, missionFile(bench.agents[0] ?? ''));
    const run = (...args: readonly string[]) => runCommand(projectDir, bench.env, args);
    const { mission_id: missionId } = JSON.parse((await run('submit', file, '--wait', '--json')).stdout);
    const commands: Readonly<Record<Command, readonly string[]>> = {
      'status MISSION': ['status', missionId],
      'watch MISSION': ['watch', missionId],
      'show MISSION': ['show', missionId],
      status: ['status'],
      'status last': ['status', 'last'],
      'submit --wait': ['submit', file, '--wait'],
    };
    const runs = new Map<Command, Run[]>();
    for (let round = 0; round < count; round += 1)
      for (const [command, args] of Object.entries(commands) as [Command, readonly string[]][]) {
        const done = await run(...args);
        process.stderr.write(`    ${command}: ${done.seconds.toFixed(2)} s, ${done.cpuSeconds.toFixed(2)} CPU s\n`);
        runs.set(command, [...(runs.get(command) ?? []), done]);
      }
    return runs;
  } finally {
    await Promise.all(roles.map((role) => role.stop()));
  }
}

async function allCommitted(bench: BenchLog, records: number): Promise<void> {
  const { coordination, orchestratorGroup } = bench.topics;
  const each = Math.floor(records / COORDINATION_PARTITIONS);
  for (let partition = 0; partition < COORDINATION_PARTITIONS; partition += 1)
    await committedUpTo(bench, orchestratorGroup, coordination, partition, each);
}

const missionFile = (agent: string): string => `name: history
brief: Do nothing.
agents: [${agent}]
plan:
  waves:
    - tasks:
        - { agent: ${agent}, description: Do nothing., playbook: slow }
`;

/** The shell's last line is the processor time of its child. */
const TIMED = '"$@"; code=$?; times >&2; exit $code';

async function runCommand(
  projectDir: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<Run> {
  const startedMs = performance.now();
  const program = [process.execPath, join(projectDir, 'bin/ravenhelm.js'), '--sandbox', 'off', ...args];
  const child = spawn('sh', ['-c', TIMED, 'sh', ...program], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => (stdout += String(text)));
  child.stderr.on('data', (text) => (stderr += String(text)));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`${args.join(' ')} has ended with ${child.exitCode}: ${stderr}`);
  return { stdout, seconds: (performance.now() - startedMs) / 1000, cpuSeconds: cpuSecondsIn(stderr) };
}

/** Of a line such as 0m1.240s 0m0.150s. */
function cpuSecondsIn(stderr: string): number {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  return [...last.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds),
    0,
  );
}
