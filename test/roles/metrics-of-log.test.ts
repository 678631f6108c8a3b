/** What a process counts and reports of its partitions, in /metrics. */
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { AppendRejected } from '../../src/ports/log.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { createMeasuredProcess, type MeasuredProcess } from '../support/measured-process.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const topics = createTopicNames('test');
const tasks = { topic: topics.tasks(AGENT), partition: 0 };
const coordination = { topic: topics.coordination, partition: 0 };

let swarm: RoleSwarm;
let process: MeasuredProcess;
let log: ReturnType<typeof createMemoryLog>;
beforeEach(async () => {
  process = createMeasuredProcess();
  log = createMemoryLog({ clock: systemClock });
  swarm = await createRoleSwarm({ roster: [agentSpec(AGENT)], partitions: 1, log });
});
afterEach(async () => {
  await swarm.close();
  await log.close();
});

async function start(behaviour?: Parameters<RoleSwarm['startWorker']>[1]) {
  const { metrics } = process;
  const orchestrator = await swarm.startOrchestrator({}, { metrics });
  const worker = await swarm.startWorker(undefined, behaviour, { metrics });
  process.watch(orchestrator.role, worker.role);
  await becomes(of('held_partitions', tasks.topic), 1);
  await becomes(of('held_partitions', coordination.topic), 1);
  return worker;
}

const becomes = (series: string, value: number) =>
  until(`${series} ${value}`, async () => (await process.value(series)) === value);
const of = (name: string, topic: string) => `ravenhelm_${name}{topic="${topic}"}`;

test('unfinished work is the lag, and nothing of it is left when all is done', async () => {
  const worker = await start((command) => (command.endsWith('step 2') ? 'hang' : 'ok'));
  const id = await swarm.submit();
  await swarm.until(() => swarm.ledger.starts.some((each) => each.endsWith('#2')));
  for (const { topic } of [tasks, coordination])
    expect(await process.value(of('replay_lag_records', topic))).toBeGreaterThan(1);
  worker.tools.release();
  await swarm.ended(id);
  await becomes(of('replay_lag_records', tasks.topic), 0);
  await becomes(of('replay_lag_records', coordination.topic), 0);
});

test('a partition that stops before a record is reported until it continues', async () => {
  await start();
  expect(await process.value(of('blocked_partitions', tasks.topic))).toBe(0);
  const offset = log.writeForeign(tasks, 'k', { kind: 'unreadable', reason: 'schema 4711 is not known' });
  await becomes(of('blocked_partitions', tasks.topic), 1);
  expect(await process.value(of('blocked_partitions', coordination.topic))).toBe(0);
  log.makeReadable(tasks, offset, { kind: 'poison', reason: 'no event after all' });
  await becomes(of('blocked_partitions', tasks.topic), 0);
});

test('a dead letter is counted for the topic of its record', async () => {
  await start();
  log.writeForeign(tasks, 'k', { kind: 'poison', reason: 'not in the wire format' });
  const written = (topic: string) => `ravenhelm_dead_letters_total{topic="${topic}",result="written"}`;
  await becomes(written(tasks.topic), 1);
  expect(await process.value(written(coordination.topic))).toBeNull();
});

test('a dead letter that the log rejects is counted, and its record stops nothing', async () => {
  const { metrics } = process;
  const small = { ...log, copyRecord: () => Promise.reject(new AppendRejected('larger than the topic takes')) };
  await swarm.startOrchestrator();
  process.watch((await swarm.startWorker(undefined, undefined, { log: small, metrics })).role);
  log.writeForeign(tasks, 'k', { kind: 'poison', reason: 'not in the wire format' });
  await becomes(`ravenhelm_dead_letters_total{topic="${tasks.topic}",result="rejected"}`, 1);
  await swarm.ended(await swarm.submit());
  expect(await process.value(of('blocked_partitions', tasks.topic))).toBe(0);
});

test.each([tasks, coordination])('a claim that another process takes is counted: $topic', async (place) => {
  await start();
  const claim = swarm.createEvent({
    type: 'partition_claimed',
    from: 'other',
    payload: { owner: 'other/1', worker_id: 'other', ...place },
  });
  await swarm.append(claim, 'claim/0', 0, place.topic);
  await becomes(of('claims_lost_total', place.topic), 1);
});

test('leaving a group is no loss, and what was held is reported no more', async () => {
  const worker = await start();
  await worker.role.stop(0);
  expect(await process.value(of('held_partitions', tasks.topic))).toBeNull();
  expect(await process.value(of('claims_lost_total', tasks.topic))).toBeNull();
});
