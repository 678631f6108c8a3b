/** What the roles make of each kind of poison, on any log. */
import { headerText, parseLetterHeaders } from '../../src/domain/dead-letter.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import type { AnyRecord, Log, PartitionId } from '../../src/ports/log.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createSystemIds } from '../../src/telemetry/system-clock.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { readTopic } from '../support/read-topic.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

export interface PoisonedLog {
  readonly log: Log;
  readonly prefix: string;
  /** Writes as another program does: no wire format, no value, bytes that contradict the schema they name. */
  writePoison(
    partition: PartitionId,
    kind: 'no-wire-format' | 'no-value' | 'contradiction',
    key: string,
  ): Promise<void>;
  close(): Promise<void>;
}

const createEvent = createEventFactory({ clock: systemClock, ids: createSystemIds() });
/** Of a mission that was never requested. */
const missionId = (partition: number) => createMissionId({ nowMs: Date.now(), partition, random: Math.random });

const assignmentFor = (agent: string, changes: Partial<PayloadOf<'task_assigned'>> = {}): AgentEvent => {
  const mission_id = changes.mission_id ?? missionId(0);
  return createEvent({
    type: 'task_assigned',
    from: 'orchestrator',
    to: agent,
    missionId: mission_id,
    payload: {
      task_id: `deploy-${agent}-wave1`,
      description: 'Do it.',
      dependencies: [],
      timeout_seconds: 60,
      retry_count: 0,
      parameters: {},
      mission_id,
      attempt: 1,
      wave_number: 1,
      agent,
      kind: 'task',
      owner: 'no-owner',
      target_partition: 0,
      source: { epoch: 'log-1', partition: 0, offset: 1_000_000 },
      playbook: 'work',
      acceptance: [],
      brief: '',
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
      ...changes,
    },
  });
};

interface Case {
  readonly what: string;
  readonly error: RegExp;
  /** Where it is put, and what. */
  readonly place: 'tasks' | 'coordination';
  put(log: PoisonedLog, place: PartitionId): Promise<void>;
}

const event =
  (make: () => AgentEvent) =>
  async ({ log }: PoisonedLog, place: PartitionId) => {
    const appender = log.createAppender('foreign');
    await appender.append({ ...place, key: 'k', event: make() });
    await appender.close();
  };
const poison = (kind: Parameters<PoisonedLog['writePoison']>[1]) => (log: PoisonedLog, place: PartitionId) =>
  log.writePoison(place, kind, 'k');
const cancelOf = (mission_id: string) =>
  createEvent({
    type: 'mission_cancel_requested',
    from: 'ann',
    missionId: mission_id,
    payload: { mission_id, requested_by: 'ann', reason: 'enough', signed: null },
  });

const BOTH: readonly Omit<Case, 'place'>[] = [
  { what: 'bytes without the magic byte', error: /not in the Confluent wire format/, put: poison('no-wire-format') },
  { what: 'no value', error: /no value/, put: poison('no-value') },
  { what: 'bytes that contradict their schema', error: /contradict schema/, put: poison('contradiction') },
  {
    what: 'an event of a type for another topic',
    error: /request_status does not belong in a (tasks|coordination) partition/,
    put: event(() => statusRequest('lost')),
  },
  {
    what: 'an event for an agent that the swarm does not have',
    error: /task_assigned is for ghost_agent/,
    put: event(() => assignmentFor('ghost_agent')),
  },
];
const CASES: readonly Case[] = [
  ...BOTH.flatMap((each) => [
    { ...each, place: 'tasks' as const },
    { ...each, place: 'coordination' as const },
  ]),
  {
    what: 'an assignment for another agent of the swarm',
    place: 'tasks',
    error: /task_assigned is for env_agent, and the topic is that of cert_agent/,
    put: event(() => assignmentFor('env_agent')),
  },
  {
    what: 'an event of a mission of another partition',
    place: 'coordination',
    error: /belong in partition 7/,
    put: event(() => cancelOf(missionId(7))),
  },
  {
    what: 'an event of something that is no mission',
    place: 'coordination',
    error: /my-mission is no mission id/,
    put: event(() => cancelOf('my-mission')),
  },
];

const original = (record: AnyRecord | undefined) => ({
  key: record?.key,
  content: record?.content,
  bytes: record?.bytes,
});

export function poisonSuite(open: () => Promise<PoisonedLog>): void {
  test('each poison becomes one letter with bytes, origin, error and time; missions behind it complete', async () => {
    const poisoned = await open();
    const { log, prefix } = poisoned;
    const topics = createTopicNames(prefix);
    const swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent'), agentSpec('env_agent')],
      partitions: 1,
      log,
      prefix,
    });
    const places = {
      tasks: { topic: topics.tasks('cert_agent'), partition: 0 },
      coordination: { topic: topics.coordination, partition: 0 },
    };
    const began = Date.now();
    for (const each of CASES) await each.put(poisoned, places[each.place]);
    const written = {
      tasks: await readTopic(log, places.tasks.topic),
      coordination: await readTopic(log, places.coordination.topic),
    };
    await swarm.startOrchestrator();
    await swarm.startWorker();
    expect((await swarm.ended(await swarm.submit())).status).toBe('completed');
    await until('every letter', async () => (await log.admin.offsets(topics.deadLetters))[0]?.high === CASES.length);
    const letters = await readTopic(log, topics.deadLetters);

    for (const place of ['tasks', 'coordination'] as const) {
      const cases = CASES.filter((each) => each.place === place);
      const kept = letters.filter(
        ({ headers = {} }) => parseLetterHeaders(headers)?.origin.topic === places[place].topic,
      );
      expect(kept).toHaveLength(cases.length);
      cases.forEach(({ what, error }, index) => {
        const letter = kept[index];
        const source = written[place][index];
        const facts = parseLetterHeaders(letter?.headers ?? {});
        expect([what, facts?.error]).toEqual([what, expect.stringMatching(error)]);
        expect([what, facts?.origin]).toEqual([
          what,
          { ...places[place], offset: source?.offset, timestampMs: source?.timestampMs },
        ]);
        expect(facts?.skippedAtMs).toBeGreaterThanOrEqual(began);
        expect([what, original(letter)]).toEqual([what, original(source)]);
        for (const [name, value] of Object.entries(source?.headers ?? {}))
          expect([what, name, headerText(letter?.headers?.[name])]).toEqual([what, name, headerText(value)]);
      });
    }
    const replayPoint = async (group: string, { topic }: PartitionId) =>
      (await log.admin.committed(group, topic))[0]?.offset ?? 0;
    await until(
      'the replay points behind the poison',
      async () =>
        (await replayPoint(topics.workerGroup('cert_agent'), places.tasks)) > written.tasks.length &&
        (await replayPoint(topics.orchestratorGroup, places.coordination)) > written.coordination.length,
    );
    await swarm.close();
    await poisoned.close();
  }, 60_000);
}
