/** Many open attempts in front of few slots. */
import type { EventOf, PayloadOf } from '../../src/domain/events.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { LogRecord } from '../../src/ports/log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const MISSION = '20261123-141502-417-p00-x7k2';
const SLOTS = 4;

const nameOf = (number: number): string => `task-${number}`;
const namesTo = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => nameOf(index));
/** Tasks in the order in which their first step was started. */
const startedTasks = ({ ledger }: RoleSwarm): readonly string[] =>
  ledger.starts.filter((start) => start.endsWith('#1')).map((start) => start.split('/')[1] ?? '');

function assignment(number: number, offset = number): PayloadOf<'task_assigned'> {
  return {
    task_id: nameOf(number),
    mission_id: MISSION,
    description: 'work',
    dependencies: [],
    timeout_seconds: 60,
    retry_count: 0,
    parameters: {},
    attempt: 1,
    wave_number: 1,
    agent: AGENT,
    kind: 'task',
    owner: 'orchestrator',
    target_partition: 0,
    source: { epoch: 'log-1', partition: 0, offset },
    playbook: 'work',
    acceptance: [],
    brief: 'Do the work.',
    inputs: [],
    share_tokens: null,
    share_usd: null,
    workspace: null,
    workspace_marker: 'marker',
    feedback: null,
    answer: null,
    requires: [],
    workspace_of: null,
    only: null,
    agent_digest: null,
    playbook_acceptance: null,
    protected: [],
    changes: [],
    artifacts: [],
    used_up_by: null,
    beside: null,
    limits: {},
    untrusted: [],
    mission_inputs: [],
  };
}

/** Every command hangs until it is released or stopped. */
async function openSwarm() {
  const log = createMemoryLog({ clock: createSystemClock() });
  const swarm = await createRoleSwarm({
    roster: [agentSpec(AGENT, { concurrency: SLOTS })],
    log,
    partitions: 1,
    behaviour: () => 'hang',
  });
  const appender = log.createAppender('test');
  const place = { topic: swarm.topics.tasks(AGENT), partition: 0 };
  const onTasksTopic = <T extends LogRecord>({ topic }: T): boolean => topic === place.topic;
  return {
    ...swarm,
    assign: (count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, number) =>
          appender.append({
            ...place,
            key: nameOf(number),
            event: swarm.createEvent({
              type: 'task_assigned',
              from: 'orchestrator',
              missionId: MISSION,
              payload: assignment(number),
            }),
          }),
        ),
      ),
    cancel: (number: number, offset: number) =>
      appender.append({
        ...place,
        key: nameOf(number),
        event: swarm.createEvent({
          type: 'task_cancelled',
          from: 'orchestrator',
          missionId: MISSION,
          payload: {
            task_id: nameOf(number),
            mission_id: MISSION,
            attempt: 1,
            agent: AGENT,
            owner: 'orchestrator',
            code: 'cancelled',
            reason: 'test',
            target_partition: 0,
            source: { epoch: 'log-1', partition: 0, offset },
            mission_code: null,
          },
        }),
      }),
    claimByAnother: () =>
      appender.append({
        ...place,
        key: 'claim',
        event: swarm.createEvent({
          type: 'partition_claimed',
          from: 'another',
          payload: { owner: 'another/1', worker_id: 'another', ...place },
        }),
      }),
    ownClaims: (): readonly EventOf<'partition_claimed'>[] =>
      swarm.records
        .filter(onTasksTopic)
        .flatMap(({ content }) =>
          content.kind === 'event' &&
          content.event.event_type === 'partition_claimed' &&
          content.event.source_agent !== 'another'
            ? [content.event]
            : [],
        ),
    async end() {
      await appender.close();
      await swarm.close();
      await log.close();
    },
  };
}

describe('tasks that wait for a slot', () => {
  test('are all accepted, while never more of them run than there are slots', async () => {
    const swarm = await openSwarm();
    await swarm.assign(2_000);
    const worker = await swarm.startWorker();
    await swarm.until(() => swarm.eventsOf('task_accepted').length === 2_000 && startedTasks(swarm).length === SLOTS);
    expect(startedTasks(swarm)).toEqual(namesTo(SLOTS));
    for (let done = 0; done < 3; done += 1) {
      const before = swarm.ledger.starts.length;
      worker.tools.release();
      await swarm.until(() => swarm.ledger.starts.length === before + SLOTS);
    }
    worker.tools.release();
    await swarm.until(() => startedTasks(swarm).length === 2 * SLOTS);
    expect(startedTasks(swarm)).toEqual(namesTo(2 * SLOTS));
    const heartbeats = swarm.events.flatMap((event) =>
      event.event_type === 'heartbeat' ? [event.payload.running.length] : [],
    );
    expect(Math.max(...heartbeats)).toBeLessThanOrEqual(SLOTS);
    expect(
      new Set(swarm.events.flatMap((event) => (event.event_type === 'task_started' ? [event.payload.task_id] : [])))
        .size,
    ).toBeLessThanOrEqual(2 * SLOTS);
    await swarm.end();
  });

  test('are skipped when they were cancelled', async () => {
    const swarm = await openSwarm();
    await swarm.assign(SLOTS + 3);
    const worker = await swarm.startWorker();
    await swarm.until(() => startedTasks(swarm).length === SLOTS);
    await swarm.cancel(SLOTS, 100);
    await swarm.until(() => swarm.eventsOf('task_cancelled').length === 1);
    while (startedTasks(swarm).length < SLOTS + 2) {
      const before = swarm.ledger.starts.length;
      worker.tools.release();
      await swarm.until(() => swarm.ledger.starts.length > before);
    }
    expect(startedTasks(swarm).slice(SLOTS)).toEqual([nameOf(SLOTS + 1), nameOf(SLOTS + 2)]);
    await swarm.end();
  });

  test('are left to the next worker when this one drains, and no result is made up for them', async () => {
    const swarm = await openSwarm();
    await swarm.assign(SLOTS + 2);
    const first = await swarm.startWorker();
    await swarm.until(() => startedTasks(swarm).length === SLOTS);
    await first.role.stop(0);
    expect(startedTasks(swarm)).toEqual(namesTo(SLOTS));
    expect([...swarm.eventsOf('task_completed'), ...swarm.eventsOf('task_failed')]).toEqual([]);
    const second = await swarm.startWorker();
    await swarm.until(() => swarm.ownClaims().length === 2);
    while (startedTasks(swarm).length < SLOTS + 2) {
      const before = swarm.ledger.starts.length;
      await swarm.until(
        () =>
          swarm.ledger.starts.length > before ||
          startedTasks(swarm).length === SLOTS + 2 ||
          (second.tools.release(), false),
      );
    }
    expect(startedTasks(swarm).slice(SLOTS)).toEqual([nameOf(SLOTS), nameOf(SLOTS + 1)]);
    await swarm.end();
  });

  test('do not start while another holds the partition, and start under the new claim', async () => {
    const swarm = await openSwarm();
    await swarm.assign(SLOTS + 2);
    await swarm.startWorker();
    await swarm.until(() => startedTasks(swarm).length === SLOTS);
    await swarm.claimByAnother();
    await swarm.until(() => swarm.ownClaims().length === 2);
    const [, second] = swarm.ownClaims();
    const acceptedBySecond = () =>
      swarm.events.filter(
        (event) => event.event_type === 'task_accepted' && event.payload.owner === second?.payload.owner,
      );
    await swarm.until(() => acceptedBySecond().length === SLOTS + 2);
    const claimedAt = swarm.events.findIndex((event) => event === second);
    const startedBefore = swarm.events
      .slice(0, claimedAt)
      .flatMap((event) => (event.event_type === 'task_started' ? [event.payload.task_id] : []));
    expect(startedBefore).toEqual(namesTo(SLOTS));
    await swarm.end();
  });
});
