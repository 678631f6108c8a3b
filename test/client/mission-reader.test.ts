/** Reading a part of the log shows what the whole log shows, and reads no more than it must. */
import { createMissionReader, type MissionReader } from '../../src/client/mission-reader.js';
import type { EventType, PayloadOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { coordinationReplayPoint } from '../../src/domain/mission-replay.js';
import { createCoordinationState } from '../../src/domain/mission-state.js';
import { createMemoryLog, type MemoryLog } from '../../src/memory/memory-log.js';
import type { Log, WatchOptions } from '../../src/ports/log.js';
import { silentLogger } from '../../src/ports/logger.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 23, 12);
const topics = createTopicNames('test');
const topic = topics.coordination;
const ids = createSystemIds();

let nowMs: number;
let log: MemoryLog;
/** How many records the reader was given. */
let read: number;
let reader: MissionReader;

beforeEach(async () => {
  nowMs = START;
  const clock = { ...createSystemClock(), now: () => nowMs };
  log = createMemoryLog({ clock });
  await log.admin.ensureTopics([{ name: topic, partitions: 2, replicationFactor: null, config: {} }]);
  read = 0;
  const counting: Log = {
    ...log,
    watch: (options: WatchOptions) =>
      log.watch({ ...options, onRecord: (record) => ((read += 1), options.onRecord(record)) }),
  };
  const signal = new AbortController().signal;
  reader = createMissionReader({ clock, signal, topics, logger: silentLogger }, counting);
});

const append = async <T extends EventType>(type: T, payload: PayloadOf<T>, partition = 0, atMs = nowMs) => {
  nowMs = Math.max(nowMs, atMs);
  const event = createEventFactory({ clock: { now: () => nowMs }, ids })({ type, from: 'test', payload } as never);
  const appender = log.createAppender('test');
  const { offset } = await appender.append({ topic, partition, key: 'key', event });
  await appender.close();
  return offset;
};
const claim = (owner: string, partition = 0) =>
  append('partition_claimed', { owner, worker_id: owner, topic, partition }, partition);

/** The request of a mission; the clock of its computer is ahead of the log's. */
async function requested(name: string, { aheadMs = 0, partition = 0, id = '' } = {}): Promise<string> {
  const mission_id = id || createMissionId({ nowMs: nowMs + aheadMs, partition, random: Math.random });
  await append(
    'mission_requested',
    {
      ...{ mission_id, name, brief: 'x', approval: 'none', retries: 0, on_failure: 'fail', agents: ['a'], success: [] },
      ...{ budget: { usd: null, tokens: null, minutes: null }, plan: null, workspace: null, workspace_marker: 'm' },
      ...{
        requested_by: 'test',
        requires: [],
        workspace_of: null,
        continues: null,
        planner: null,
        limits: {},
        signed: null,
      },
      ...{ brief_trusted: true, workspace_trusted: false, inputs: [] },
    },
    partition,
  );
  return mission_id;
}
const fails = (mission_id: string, owner: string, reason: string, partition = 0) =>
  append('mission_failed', { mission_id, owner, reason, code: null, at_planner_price: null }, partition);

/** Missions of an hour each, and as many records as that. */
async function history(count: number, owner = 'o-1', partition = 0): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    nowMs += HOUR / 2;
    await fails(await requested(`old ${n}`, { partition }), owner, 'old', partition);
    nowMs += HOUR / 2;
  }
}

const stateOf = async (wanted: string) => {
  const { feed, mission } = await reader.openMission(wanted);
  await feed.stop();
  return [mission.request.name, mission.course.kind, 'reason' in mission.course ? mission.course.reason : null];
};

describe('a mission is read', () => {
  test('from its own time on, and up to its end, however much lies before and behind it', async () => {
    await claim('o-1');
    await history(50);
    const id = await requested('mine');
    await fails(id, 'o-1', 'as it happened');
    await history(600);
    expect(await stateOf(id)).toEqual(['mine', 'failed', 'as it happened']);
    expect(read).toBeLessThanOrEqual(500); // what the memory log hands out at once, of 1,302
    read = 0;
    const story: string[] = [];
    const { feed } = await reader.openMission(id, ({ event }) => story.push(event.event_type));
    await feed.stop();
    expect(story).toEqual(['mission_requested', 'mission_failed']);
  });

  test('with what comes later, while it is open', async () => {
    await claim('o-1');
    const id = await requested('mine');
    const { feed } = await reader.openMission(id);
    const ended = feed.ended(id, new AbortController().signal);
    await fails(id, 'o-1', 'later');
    expect((await ended).reason).toBe('later');
    await feed.stop();
  });

  test.each([1, 60_000, 3 * HOUR])('where its computer is %d ms ahead of the log', async (aheadMs) => {
    await claim('o-1');
    await history(5);
    const id = await requested('mine', { aheadMs });
    await fails(id, 'o-1', 'as it happened');
    await history(3);
    expect(await stateOf(id)).toEqual(['mine', 'failed', 'as it happened']);
  });

  test('also where a copy of its request was written later, and the first lies before its time', async () => {
    await claim('o-1');
    const id = await requested('mine', { aheadMs: 10_000 });
    await fails(id, 'o-1', 'as it happened');
    nowMs += 9_000; // between two seconds before its id's time and that
    await requested('mine', { id });
    expect(await stateOf(id)).toEqual(['mine', 'failed', 'as it happened']);
  });

  test('a decision of one who had lost the partition does not count', async () => {
    await claim('o-1');
    await history(3);
    const id = await requested('mine');
    await append('plan_requested', planRequest(id, 'o-1'));
    await claim('o-2');
    await fails(id, 'o-1', 'void');
    expect(await stateOf(id)).toEqual(['mine', 'working', null]);
  });

  test('nor does one of a stranger after the first of its holder: then more is read', async () => {
    await claim('o-1');
    await history(3);
    const id = await requested('mine');
    await append('plan_requested', planRequest(id, 'o-1'));
    await fails(id, 'o-9', 'forged');
    expect(await stateOf(id)).toEqual(['mine', 'working', null]);
  });

  test('as it is today where its first records were deleted', async () => {
    await claim('o-1');
    const id = await requested('mine');
    const behind = await append('plan_requested', planRequest(id, 'o-1'));
    const kept = await requested('kept');
    await fails(kept, 'o-1', 'as it happened');
    await log.admin.deleteRecords(topic, 0, behind);
    expect(await stateOf(kept)).toEqual(['kept', 'failed', 'as it happened']);
    await expect(reader.openMission(id)).rejects.toMatchObject({ code: 'mission_unknown' });
  });

  test('or is unknown, also in a partition that the topic does not have', async () => {
    const id = createMissionId({ nowMs, partition: 7, random: Math.random });
    await expect(reader.openMission(id)).rejects.toMatchObject({ code: 'mission_unknown' });
  });
});

const planRequest = (mission_id: string, owner: string): PayloadOf<'plan_requested'> => ({
  ...{ mission_id, owner, revision: 1, reason: null, answer: null, reserved_tokens: 0, reserved_usd: 0 },
});

describe('a window', () => {
  /** The replay point that an orchestrator would commit now. */
  async function commit(owner: string, offset: number, partition = 0, ids: readonly string[] = []) {
    const state = createCoordinationState(partition, offset, { holder: { owner, claimOffset: 0 }, epoch: 'e' });
    for (const id of ids) state.requestedIds.set(id, nowMs);
    const point = coordinationReplayPoint(state, () => true);
    if (point === null) throw new TypeError('it fits');
    log.setCommitted(topics.orchestratorGroup, { topic, partition }, point);
  }
  const namesIn = async (sinceMs: number | null) => {
    const feed = await reader.window({ sinceMs, withOpen: true });
    await feed.stop();
    return feed.reports().map(({ name, status }) => `${name} ${status}`);
  };

  test('has the open missions, however old, and the recent ones, and not what lies before both', async () => {
    await claim('o-1');
    await claim('o-2', 1);
    await history(40);
    const open = (await log.admin.offsets(topic))[0]?.high ?? 0;
    await requested('open');
    await commit('o-1', open);
    await history(40, 'o-2', 1);
    await commit('o-2', (await log.admin.offsets(topic))[1]?.high ?? 0, 1);
    expect(await namesIn(nowMs - 2.2 * HOUR)).toEqual(['open planning', 'old 38 failed', 'old 39 failed']);
    expect(read).toBeLessThan(10);
    expect(await namesIn(null)).toEqual(['open planning']);
  });

  test('does not show a mission as open that has ended, where a copy of its request came later', async () => {
    await claim('o-1');
    const id = await requested('mine');
    await fails(id, 'o-1', 'as it happened');
    const end = (await log.admin.offsets(topic))[0]?.high ?? 0;
    const windowMs = (nowMs += 5_000);
    await requested('mine', { id });
    await commit('o-1', end + 1);
    expect(await namesIn(windowMs)).toEqual(['mine failed']);
    await commit('o-1', end, 0, [id]);
    expect(await namesIn(windowMs)).toEqual(['mine failed']);
  });

  test('reads a partition whole where its replay point is none', async () => {
    await claim('o-1');
    await requested('open');
    await history(3);
    expect(await namesIn(nowMs)).toContain('open planning');
    log.setCommitted(topics.orchestratorGroup, { topic, partition: 0 }, { offset: 5, metadata: '' });
    expect(await namesIn(nowMs)).toContain('open planning');
    log.setCommitted(topics.orchestratorGroup, { topic, partition: 0 }, { offset: 5_000, metadata: '{}' });
    expect(await namesIn(nowMs)).toContain('open planning');
  });

  test('reads everything where the group must not be asked', async () => {
    await claim('o-1');
    await requested('open');
    const refused = Object.assign(new Error('DESCRIBE on the group is missing'), { code: 'not_authorized' });
    const admin = { ...log.admin, committed: () => Promise.reject(refused) };
    const context = { clock: { ...createSystemClock() }, signal: new AbortController().signal, topics };
    const warned: unknown[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => void warned.push(fields) };
    const feed = await createMissionReader({ ...context, logger }, { ...log, admin }).window({
      sinceMs: null,
      withOpen: true,
    });
    await feed.stop();
    expect(feed.reports().map(({ name }) => name)).toEqual(['open']);
    expect(warned).toEqual([{ error: 'DESCRIBE on the group is missing' }]);
  });

  test('does not take an open mission for the last one, nor for the newest of its name', async () => {
    await claim('o-1');
    await claim('o-2', 1);
    const openAt = (await log.admin.offsets(topic))[0]?.high ?? 0;
    await requested('nightly');
    nowMs += HOUR;
    const newer = await requested('nightly', { partition: 1 });
    await fails(newer, 'o-2', 'newer', 1);
    await commit('o-1', openAt);
    await commit('o-2', (await log.admin.offsets(topic))[1]?.high ?? 0, 1);
    nowMs += 100 * HOUR;
    for (const wanted of ['last', 'nightly', newer.slice(0, 13)])
      expect(await stateOf(wanted)).toEqual(['nightly', 'failed', 'newer']);
  });

  test('of a beginning has every mission that it may mean', async () => {
    await claim('o-1');
    const first = await requested('first');
    nowMs += 50 * HOUR;
    const second = await requested('second');
    await commit('o-1', (await log.admin.offsets(topic))[0]?.high ?? 0);
    await expect(reader.openMission('2026')).rejects.toMatchObject({ code: 'mission_ambiguous' });
    expect((await stateOf(first.slice(0, 11)))[0]).toBe('first');
    expect((await stateOf(second.slice(0, 11)))[0]).toBe('second');
  });
});

test('a feed from now on has what is submitted later, whole, and nothing of before', async () => {
  await claim('o-1');
  await history(3);
  const feed = await reader.fromNow();
  const id = await requested('mine');
  const ended = feed.ended(id, new AbortController().signal);
  await fails(id, 'o-1', 'as it happened');
  expect((await ended).reason).toBe('as it happened');
  expect([read, feed.view.missions(), feed.view.isCertain(id)]).toEqual([2, [id], true]);
  await feed.stop();
});
