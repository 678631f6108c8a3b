import { createCoordinationView } from '../../src/domain/coordination-view.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { planRedrive, type RedriveInput } from '../../src/domain/redrive.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { eventOf, T0 } from './support/events.js';
import {
  accepted,
  approved,
  cancelRequested,
  CERT,
  claimed,
  completed,
  given,
  ID,
  opened,
  PARTITION,
  planOf,
  progress,
  requested,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const topics = createTopicNames();
const TASKS = topics.tasks('cert_agent');

/** What is planned for a letter, beside a coordination partition with this log. */
function planFor(input: Partial<RedriveInput>, log: MissionLog = underWay({ plan: planOf([['cert_agent']]) })) {
  const view = createCoordinationView();
  for (const record of log.records) view.apply(PARTITION, record);
  const letter: RedriveInput = {
    id: '0-17',
    origin: { topic: TASKS, partition: 2, offset: 5, timestampMs: T0 },
    key: 'k',
    headers: {},
    content: { kind: 'poison', reason: 'no value' },
    asIs: false,
    ...input,
  };
  return planRedrive(letter, {
    topics,
    mission: view.mission,
    judge: (partition, event) => view.judge(partition, event, T0 + 1_000),
  });
}
const event = (content: AgentEvent): RedriveInput['content'] => ({ kind: 'event', event: content });
const at = (topic: string, partition = 2) => ({ topic, partition, offset: 5, timestampMs: T0 });
const assignment = (log: MissionLog): AgentEvent => {
  const [effect] = log.mission().effects.values();
  if (effect === undefined) throw new RangeError('nothing was assigned');
  return effect.event;
};
const step = { mission_id: ID, task_id: CERT, attempt: 1, step: 1, owner: 'w-1' };
const returned = eventOf('tool_returned', {
  ...step,
  outcome: 'ok',
  exit_code: 0,
  observation: '',
  output_digest: null,
  duration_ms: 1,
  checks: null,
  changed_paths: [],
  limit: null,
});
const reserved = eventOf('turn_reserved', {
  mission_id: ID,
  task_id: CERT,
  attempt: 1,
  owner: 'w-1',
  reserved_tokens: 1,
  reserved_usd: 0,
});

describe('an undecodable record', () => {
  test('is not redriven, with the two ways out', () => {
    expect(planFor({})).toMatchObject({
      kind: 'refused',
      why: 'this build cannot decode it: no value',
      nextStep: expect.stringMatching(/redrive --as-is 0-17\n.*discard 0-17/),
    });
  });

  test('goes back to where it came from when that is wanted', () => {
    expect(planFor({ asIs: true })).toMatchObject({
      kind: 'record',
      topic: TASKS,
      partition: 2,
      expect: expect.stringContaining('dead letter again'),
    });
  });

  test('asks for a new attempt when its headers say that it was an assignment', () => {
    const headers = { event_type: 'task_assigned', mission_id: ID, task_id: CERT, attempt: Buffer.from('1') };
    expect(planFor({ headers })).toEqual({
      kind: 'new_attempt',
      request: { mission_id: ID, task_id: CERT, attempt: 1 },
      partition: PARTITION,
    });
    expect(planFor({ headers: { ...headers, attempt: 'many' } })).toMatchObject({ kind: 'refused' });
    expect(planFor({ headers, asIs: true })).toMatchObject({ kind: 'record', topic: TASKS });
  });
});

describe('an assignment', () => {
  test('becomes a request for a new attempt: its own mark has passed', () => {
    const log = underWay({ plan: planOf([['cert_agent']]) });
    expect(planFor({ content: event(assignment(log)) }, log)).toEqual({
      kind: 'new_attempt',
      request: { mission_id: ID, task_id: CERT, attempt: 1 },
      partition: PARTITION,
    });
  });

  test('is refused when its mission has ended, when that is unknown, and when the task has a later attempt', () => {
    const log = underWay({ plan: planOf([['cert_agent']]) });
    const content = event(assignment(log));
    expect(planFor({ content }, given(claimed(), opened()))).toMatchObject({
      kind: 'refused',
      why: `the log knows no mission ${ID}`,
    });
    log.when(completed(CERT));
    expect(planFor({ content }, log)).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('void: the task has ended'),
    });
    log.settle();
    expect(planFor({ content }, log)).toMatchObject({
      kind: 'refused',
      why: `mission ${ID} has ended (completed): a new attempt would be void`,
    });
  });
});

describe('an event that is where it belongs', () => {
  test('goes back there, with what the fold would make of it', () => {
    const origin = at(topics.coordination, PARTITION);
    expect(planFor({ origin, content: event(progress(CERT, 2)) })).toEqual({
      kind: 'record',
      topic: topics.coordination,
      partition: PARTITION,
      expect: 'it counts, unless something else is written before it',
    });
    expect(planFor({ origin, content: event(completed(CERT, 9)) })).toMatchObject({ expect: 'void: another attempt' });
    expect(planFor({ origin, content: event(approved(1)) })).toMatchObject({
      expect: 'void: the plan is not proposed',
    });
    expect(planFor({ content: event(returned) })).toMatchObject({
      topic: TASKS,
      partition: 2,
      expect: expect.stringContaining('the first one wins'),
    });
    expect(planFor({ content: event(reserved) })).toMatchObject({
      topic: TASKS,
      expect: expect.stringContaining('its owner w-1 still holds the partition'),
    });
  });
});

describe('an event that is elsewhere', () => {
  test('of a mission goes to the partition in its id', () => {
    expect(planFor({ content: event(cancelRequested()) })).toEqual({
      kind: 'record',
      topic: topics.coordination,
      partition: PARTITION,
      expect: 'it counts, unless something else is written before it',
    });
    expect(planFor({ origin: at(topics.coordination, 9), content: event(accepted(CERT)) })).toMatchObject({
      topic: topics.coordination,
      partition: PARTITION,
    });
    const late = createMissionId({ nowMs: T0 - 3_600_000, partition: PARTITION, random: () => 0.1 });
    expect(planFor({ content: event(requested({ mission_id: late })) })).toMatchObject({
      expect: 'void: requested too late after the time in its id',
    });
    expect(planFor({ content: event(cancelRequested('enough', 'my-mission')) })).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('my-mission is no mission id'),
    });
  });

  test("of a task's journal goes to the task's partition if the mission is known, else to its key's", () => {
    const origin = at(topics.coordination, PARTITION);
    expect(planFor({ origin, content: event(returned) })).toMatchObject({ kind: 'record', topic: TASKS, partition: 2 });
    const unknown = { ...returned, source_agent: 'env_agent' };
    expect(planFor({ origin, content: event(unknown) }, given(claimed(), opened()))).toMatchObject({
      topic: topics.tasks('env_agent'),
      partition: { key: `${ID}/${CERT}` },
    });
  });

  test('that is news goes to the status topic by its key', () => {
    const news = eventOf('request_status', { request_id: 'r', requested_by: 'ann' });
    expect(planFor({ content: event(news) })).toMatchObject({
      kind: 'record',
      topic: topics.status,
      partition: { key: 'k' },
    });
    expect(planFor({ content: event(news), key: null })).toMatchObject({ partition: { key: 'test' } });
  });
});

describe('never redriven', () => {
  const cancelled = eventOf('task_cancelled', {
    task_id: CERT,
    mission_id: ID,
    attempt: 1,
    agent: 'env_agent',
    owner: 'o-1',
    code: 'deadline',
    reason: '',
    target_partition: 0,
    source: null,
    mission_code: null,
  });
  const discarded = eventOf('dead_letter_discarded', {
    letter_id: '0-1',
    origin_topic: TASKS,
    origin_partition: 0,
    origin_offset: 0,
    origin_timestamp: 0,
    discarded_by: 'ann',
    reason: '',
    taken_over: false,
    signed: null,
  });

  test.each([
    ['an order to cancel', cancelled, /ravenhelm cancel/],
    ['a claim', claimed(), /discard 0-17/],
    ['the opening of a partition', opened(), /discard 0-17/],
    ['what was said of another letter', discarded, /discard 0-17/],
  ])('is %s', (_, content, nextStep) => {
    expect(planFor({ content: event(content) })).toMatchObject({
      kind: 'refused',
      nextStep: expect.stringMatching(nextStep),
    });
  });

  test('is what has no origin, or one that is no topic of this swarm, not even as it is', () => {
    expect(planFor({ origin: null, asIs: true })).toMatchObject({ kind: 'refused' });
    for (const topic of ['other.squad.coordination', topics.deadLetters, `${topics.prefix}.tasks.`])
      expect(planFor({ origin: at(topic), asIs: true })).toMatchObject({
        kind: 'refused',
        why: expect.stringContaining(topic),
      });
  });
});

test.each([false, true])('a letter that is a batch is never written back, as it is (%s) or otherwise', (asIs) => {
  const batch = { baseOffset: 3, codec: 'zstd' };
  expect(planFor({ batch, asIs })).toEqual({
    kind: 'refused',
    why:
      `it is a batch of records (${TASKS}[2] at 3 to 5, codec zstd) that could not be decoded: ` +
      'there is no record to write',
    nextStep: 'Let the program that wrote the batch send its records again, then: ravenhelm dead-letters discard 0-17',
  });
});
