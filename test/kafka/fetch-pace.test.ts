import ConsumerGroup from 'ravenhelm-kafkajs/src/consumer/consumerGroup.js';
import {
  LONGEST_PAUSE_MS,
  markKnown,
  paceFetches,
  PAUSE_STEP_MS,
  SETTLED_AFTER_FETCHES,
  SETTLED_WAIT_MS,
} from '../../src/kafka/fetch-pace.js';
import type { Clock } from '../../src/ports/clock.js';

/** kafkajs's own member of a group, of which only the fetch is asked. */
const asked: number[] = [];
/** What it brings. */
let next: Awaited<ReturnType<ConsumerGroup['fetch']>> = [];
ConsumerGroup.prototype.fetch = async function (this: ConsumerGroup) {
  asked.push(this.maxWaitTime);
  return next;
};
paceFetches();

function createMember() {
  const member: ConsumerGroup & { generationId: number } = Object.assign(Object.create(ConsumerGroup.prototype), {
    maxWaitTime: 200,
    generationId: 1,
  });
  return member;
}

async function waitsOf(member: ConsumerGroup, fetches: number): Promise<readonly number[]> {
  asked.length = 0;
  for (let i = 0; i < fetches; i++) await member.fetch('1');
  return [...asked];
}

describe('the fetches of a group member', () => {
  test('wait longer once it has settled', async () => {
    const waits = await waitsOf(createMember(), SETTLED_AFTER_FETCHES + 2);
    expect(waits).toEqual([
      ...Array.from({ length: SETTLED_AFTER_FETCHES }, () => 200),
      SETTLED_WAIT_MS,
      SETTLED_WAIT_MS,
    ]);
  });

  test('wait short again after a rebalance', async () => {
    const member = createMember();
    await waitsOf(member, SETTLED_AFTER_FETCHES + 1);
    member.generationId = 2;
    expect(await waitsOf(member, 1)).toEqual([200]);
  });

  test('are counted for each member', async () => {
    const [one, other] = [createMember(), createMember()];
    await waitsOf(one, SETTLED_AFTER_FETCHES);
    expect([...(await waitsOf(one, 1)), ...(await waitsOf(other, 1))]).toEqual([SETTLED_WAIT_MS, 200]);
  });
});

describe('a fetch after one that brought', () => {
  const batch = (isEmpty = false) => ({ topic: 'tasks', partition: 0, rawMessages: [], isEmpty: () => isEmpty });
  /** Batches whose readers know that nothing is being fetched. */
  const skipped: object[] = [];
  const known = (clock: Clock) => {
    const own = batch();
    markKnown(own, { clock, skipRead: () => void skipped.push(own) });
    return own;
  };
  /** Its timers run out at once; says how long they were. */
  const createClock = () => {
    const paused: number[] = [];
    const clock: Clock = {
      now: () => 0,
      monotonicMs: () => 0,
      setTimer(delayMs, callback) {
        paused.push(delayMs);
        callback();
        return { cancel: () => undefined };
      },
    };
    return { clock, paused };
  };
  const fetchAfter = async (
    member: ConsumerGroup,
    brought: Awaited<ReturnType<ConsumerGroup['fetch']>>,
    nodeId = '1',
  ) => {
    next = brought;
    await member.fetch(nodeId);
    next = [];
    await member.fetch(nodeId);
  };

  test('what was read before begins later, up to a limit', async () => {
    const { clock, paused } = createClock();
    const member = createMember();
    for (let i = 0; i < 7; i++) await fetchAfter(member, [known(clock), batch(true)]);
    expect(paused).toEqual([1, 2, 3, 4, 5, 5, 5].map((times) => times * PAUSE_STEP_MS));
    expect(Math.max(...paused)).toBe(LONGEST_PAUSE_MS);
  });

  test('something new begins at once, whatever it brought besides, and the pauses are short again', async () => {
    const { clock, paused } = createClock();
    const member = createMember();
    await fetchAfter(member, [known(clock)]);
    await fetchAfter(member, [known(clock)]);
    await fetchAfter(member, [known(clock), batch()]);
    expect(paused).toEqual([PAUSE_STEP_MS, 2 * PAUSE_STEP_MS]);
    skipped.length = 0;
    const [one, other] = [known(clock), known(clock)];
    await fetchAfter(member, [one, other]);
    expect(paused.at(-1)).toBe(PAUSE_STEP_MS);
    expect(skipped).toEqual([one, other]);
  });

  test('nothing begins at once', async () => {
    const { paused } = createClock();
    const member = createMember();
    await fetchAfter(member, []);
    await fetchAfter(member, [batch(true)]);
    expect(paused).toEqual([]);
  });

  test('what was read before a rebalance begins at once', async () => {
    const { clock, paused } = createClock();
    const member = createMember();
    next = [known(clock)];
    await member.fetch('1');
    skipped.length = 0;
    member.generationId = 2;
    await member.fetch('1');
    expect([...paused, ...skipped]).toEqual([]);
  });

  test('is one of the same broker', async () => {
    const { clock, paused } = createClock();
    const member = createMember();
    next = [known(clock)];
    await member.fetch('1');
    next = [batch()];
    await member.fetch('2');
    expect(paused).toEqual([]);
    await member.fetch('1');
    expect(paused).toEqual([PAUSE_STEP_MS]);
  });
});
