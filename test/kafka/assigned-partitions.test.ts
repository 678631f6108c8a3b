import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type { PartitionAssignment, PartitionId } from '../../src/ports/log.js';
import { createAssignedPartitions, type AssignedPartitions } from '../../src/kafka/assigned-partitions.js';
import { createBackoff } from '../../src/kafka/backoff.js';
import { createCodec } from '../../src/avro/codec.js';
import { DataLoss } from '../../src/domain/record.js';
import { statusRequest } from '../contract/events.js';
import { systemClock } from '../contract/system-clock.js';
import { until } from '../contract/until.js';
import { SCHEMAS_DIR, silentLogger } from './kafka-under-test.js';

const codec = await createCodec(SCHEMAS_DIR, { url: 'memory', register: async () => 1, schemaById: async () => '' });
const P0 = { topic: 'tasks', partition: 0 };
const P1 = { topic: 'tasks', partition: 1 };

describe('the partitions of a member', () => {
  let told: string[];
  let state: Map<number, PartitionAssignment>;
  let fetches: number;
  let beforeAnswer: () => Promise<void>;
  let partitions: AssignedPartitions;
  let fatal: Error[];

  beforeEach(() => {
    told = [];
    fatal = [];
    fetches = 0;
    beforeAnswer = async () => undefined;
    state = new Map(
      [0, 1].map((partition) => [partition, { topic: 'tasks', partition, committed: null, logStart: 0, logEnd: 0 }]),
    );
    const note = (text: string) => (partition: PartitionId, offset?: number) =>
      void told.push(`${text} ${partition.partition}${offset === undefined ? '' : ` ${offset}`}`);
    partitions = createAssignedPartitions({
      group: {
        groupId: 'group',
        topics: ['tasks'],
        open(assignment) {
          told.push(`open ${assignment.partition}`);
          return {
            onRecords: (records) =>
              void told.push(`records ${assignment.partition} ${records.map(({ offset }) => offset).join(',')}`),
            onBlocked: (offset) => void told.push(`blocked ${assignment.partition} ${offset}`),
            onUnblocked: () => void told.push(`unblocked ${assignment.partition}`),
            onClosed: () => void told.push(`closed ${assignment.partition}`),
          };
        },
        onFatal: (error) => void fatal.push(error),
      },
      codec,
      control: { seek: note('seek'), pause: note('pause'), resume: note('resume') },
      backoff: createBackoff(systemClock, () => 1, { baseMs: 1, maxMs: 1 }),
      logger: silentLogger,
      async fetchAssignments() {
        fetches += 1;
        const answer = [...state.values()]; // as it is when it is asked for
        await beforeAnswer();
        return answer;
      },
    });
  });

  const messages = (...offsets: readonly number[]): KafkaMessage[] =>
    offsets.map((offset) => ({
      key: null,
      value: codec.encode(statusRequest(String(offset))),
      timestamp: '0',
      attributes: 0,
      offset: String(offset),
      headers: {},
    }));
  const commit = (partition: number, offset: number, bounds: { logStart: number; logEnd: number }) =>
    void state.set(partition, { topic: 'tasks', partition, committed: { offset, metadata: '' }, ...bounds });
  /** Answers wait from now on; returns what lets the last one go. */
  const holdAnswers = (): (() => void) => {
    let release: () => void = () => undefined;
    beforeAnswer = () => new Promise((resolve) => (release = resolve));
    return () => release();
  };
  const opened = (partition: number) => until(`partition ${partition}`, () => told.includes(`resume ${partition}`));
  const resolved: number[] = [];
  const deliver = (partition: PartitionId, ...offsets: readonly number[]) =>
    partitions.onBatch(partition, messages(...offsets), (offset) => void resolved.push(offset));

  test('a gained partition is paused until its committed offset is known, and read from there', async () => {
    commit(0, 7, { logStart: 2, logEnd: 9 });
    partitions.onJoin([P0], 'member-1');
    expect(told).toEqual(['pause 0']);
    deliver(P0, 2);
    await opened(0);
    expect(told).toEqual(['pause 0', 'open 0', 'seek 0 7', 'resume 0']);
    deliver(P0, 7, 8);
    expect(told.at(-1)).toBe('records 0 7,8');
    expect(resolved).toEqual([8]);
  });

  test('a kept partition goes on at its own position, whatever the group has committed', async () => {
    partitions.onJoin([P0], 'member-1');
    await opened(0);
    deliver(P0, 0, 1, 2);
    told.length = 0;
    partitions.onJoin([P0, P1], 'member-1');
    expect(told).toEqual(['seek 0 3', 'resume 0', 'pause 1']);
    deliver(P0, 3);
    expect(told.at(-1)).toBe('records 0 3');
  });

  describe('records that this process has appended', () => {
    const own = (baseOffset: number, ...others: readonly number[]) =>
      partitions.onOwn({ ...P0, baseOffset, messages: () => messages(baseOffset, ...others) });

    beforeEach(async () => {
      partitions.onJoin([P0], 'member-1');
      await opened(0);
      deliver(P0, 0, 1);
      told.length = 0;
      resolved.length = 0;
    });

    test('are delivered at once where they follow what was read, and not again when they are fetched', () => {
      own(2, 3);
      expect(told).toEqual(['records 0 2,3']);
      deliver(P0, 2, 3, 4);
      expect(told).toEqual(['records 0 2,3', 'records 0 4']);
    });

    test('let the client go on behind them', () => {
      own(2, 3);
      deliver(P0, 2);
      expect(told).toEqual(['records 0 2,3']);
      expect(resolved).toEqual([3]);
      deliver(P0, 4);
      expect(told.at(-1)).toBe('records 0 4');
    });

    test('make a fetch that brings nothing else one that brought nothing new', () => {
      own(2, 3);
      expect(deliver(P0, 2, 3)).toBe(false);
      expect(deliver(P0, 4)).toBe(true);
      own(5);
      expect(deliver(P0, 5, 6)).toBe(true);
    });

    test('need not be fetched at all while nothing is', () => {
      own(2, 3);
      partitions.skipDelivered(P0, (offset) => void resolved.push(offset));
      partitions.skipDelivered(P0, (offset) => void resolved.push(offset));
      expect(resolved).toEqual([3]);
      deliver(P0, 4);
      expect(told).toEqual(['records 0 2,3', 'records 0 4']);
    });

    test('are fetched from where the client was told to read, until something has come from there', () => {
      own(2, 3);
      partitions.onJoin([P0], 'member-1');
      own(4);
      partitions.skipDelivered(P0, (offset) => void resolved.push(offset));
      expect(resolved).toEqual([]);
      deliver(P0, 4);
      own(5);
      partitions.skipDelivered(P0, (offset) => void resolved.push(offset));
      expect(resolved).toEqual([4, 5]);
    });

    test('wait for the fetch where something lies in between', () => {
      own(3);
      expect(told).toEqual([]);
      deliver(P0, 2, 3);
      expect(told).toEqual(['records 0 2,3']);
      own(2, 3);
      expect(told).toEqual(['records 0 2,3']);
    });

    test("are nobody's in a partition that is not open, or no longer assigned", async () => {
      partitions.onJoin([P1], 'member-1');
      own(2);
      partitions.onOwn({ ...P1, baseOffset: 0, messages: () => messages(0) });
      expect(told).toEqual(['closed 0', 'pause 1']);
    });

    test('do not hide that the log was made anew: what the client brings is held against what it was asked for', async () => {
      own(2, 3);
      commit(0, 0, { logStart: 0, logEnd: 1 });
      deliver(P0, 0);
      await until('the error', () => fatal.length === 1);
      expect(fatal[0]).toBeInstanceOf(DataLoss);
    });
  });

  describe('a batch that begins below the position', () => {
    beforeEach(async () => {
      commit(0, 0, { logStart: 0, logEnd: 9 });
      partitions.onJoin([P0], 'member-1');
      await opened(0);
      deliver(P0, 0, 1, 2);
      told.length = 0;
    });

    test('is not delivered again; where the log goes on, reading does', async () => {
      deliver(P0, 1, 2, 3);
      await opened(0);
      deliver(P0, 3);
      expect(told).toEqual(['pause 0', 'seek 0 3', 'resume 0', 'records 0 3']);
    });

    test('is data loss where the log ends before the position: the partition stops and says so', async () => {
      commit(0, 0, { logStart: 0, logEnd: 2 });
      deliver(P0, 0, 1);
      await until('the error', () => fatal.length === 1);
      expect(fatal[0]).toBeInstanceOf(DataLoss);
      expect(fatal[0]?.message).toContain('has read up to 3, and the log goes from 0 to 2');
      deliver(P0, 3, 4);
      expect(told.filter((entry) => /records|resume/.test(entry))).toEqual([]);
    });
  });

  describe('a position that a broker calls out of range', () => {
    beforeEach(async () => {
      commit(0, 0, { logStart: 0, logEnd: 3 });
      partitions.onJoin([P0], 'member-1');
      await opened(0);
      deliver(P0, 0, 1, 2);
      told.length = 0;
    });

    test('is kept where the log holds it: a replica was asked that does not have everything yet', async () => {
      for (let times = 0; times < 3; times += 1) {
        partitions.onOutOfRange(P0);
        await opened(0);
        expect(told.splice(0)).toEqual(['pause 0', 'seek 0 3', 'resume 0']);
      }
      deliver(P0, 3);
      expect(told).toEqual(['records 0 3']);
      expect(fatal).toEqual([]);
    });

    test.each([
      ['ends before it', { logStart: 0, logEnd: 2 }, 'has read up to 3, and the log goes from 0 to 2'],
      ['begins after it', { logStart: 4, logEnd: 9 }, 'records 3 to 3 were deleted'],
    ])('is data loss where the log %s: the partition stops and says so', async (_, bounds, reason) => {
      commit(0, 0, bounds);
      partitions.onOutOfRange(P0);
      await until('the error', () => fatal.length === 1);
      expect(fatal[0]).toBeInstanceOf(DataLoss);
      expect(fatal[0]?.message).toContain(reason);
      deliver(P0, 3, 4);
      expect(told).toEqual(['pause 0', 'pause 0']);
    });

    test('is no matter in a partition that is not being read', () => {
      partitions.onOutOfRange(P1);
      partitions.closeAll();
      partitions.onOutOfRange(P0);
      expect(told).toEqual(['closed 0']);
    });
  });

  describe('a member that the group had given up and that comes back with the partition', () => {
    beforeEach(async () => {
      commit(0, 2, { logStart: 0, logEnd: 9 });
      partitions.onJoin([P0], 'member-1');
      await opened(0);
      deliver(P0, 2, 3);
      expect(partitions.committable([{ ...P0, offset: 4, metadata: '' }])).toHaveLength(1);
      told.length = 0;
    });

    test('neither reads nor commits until it knows that nobody else has committed, and then goes on', async () => {
      commit(0, 4, { logStart: 0, logEnd: 9 });
      partitions.onJoin([P0], 'member-2');
      deliver(P0, 4);
      expect(partitions.committable([{ ...P0, offset: 4, metadata: '' }])).toEqual([]);
      expect(told).toEqual(['seek 0 4', 'pause 0']);
      await opened(0);
      deliver(P0, 4);
      expect(told.slice(2)).toEqual(['seek 0 4', 'resume 0', 'records 0 4']);
      expect(partitions.committable([{ ...P0, offset: 5, metadata: '' }])).toHaveLength(1);
    });

    test('waits for an answer that was asked for after it had lost the partition again', async () => {
      const answer = holdAnswers();
      commit(0, 4, { logStart: 0, logEnd: 9 });
      partitions.onJoin([P0], 'member-2');
      await until('the first question', () => fetches === 2);
      commit(0, 8, { logStart: 8, logEnd: 9 }); // by another member, before this one is back again
      partitions.onJoin([P0], 'member-3');
      told.length = 0;
      beforeAnswer = async () => undefined;
      answer();
      await opened(0);
      expect(told).toEqual(['closed 0', 'open 0', 'seek 0 8', 'resume 0']);
    });

    test('begins anew where somebody else has committed further, so that the replay point never goes back', async () => {
      commit(0, 8, { logStart: 8, logEnd: 9 });
      partitions.onJoin([P0], 'member-2');
      await opened(0);
      expect(told).toEqual(['seek 0 4', 'pause 0', 'closed 0', 'open 0', 'seek 0 8', 'resume 0']);
      expect(fatal).toEqual([]);
    });
  });

  test('a partition that is lost while it is being opened is never opened', async () => {
    const release = holdAnswers();
    partitions.onJoin([P0], 'member-1');
    await until('the question', () => fetches === 1);
    partitions.onJoin([], 'member-1');
    release();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['pause 0']);
  });

  test('a partition that is lost and regained while it is being opened is opened once, with what the group says last', async () => {
    const release = holdAnswers();
    commit(0, 1, { logStart: 0, logEnd: 9 });
    partitions.onJoin([P0], 'member-1');
    await until('the first question', () => fetches === 1);
    partitions.onJoin([], 'member-1');
    partitions.onJoin([P0], 'member-1');
    commit(0, 5, { logStart: 0, logEnd: 9 });
    release();
    await until('the second question', () => fetches === 2);
    expect(told).not.toContain('open 0');
    release();
    await opened(0);
    expect(told.filter((entry) => /open|seek/.test(entry))).toEqual(['open 0', 'seek 0 5']);
  });

  test('however often the group joins, one question at a time is asked for a topic', async () => {
    const release = holdAnswers();
    for (let join = 0; join < 20; join += 1) partitions.onJoin([P0, P1], 'member-1');
    expect(fetches).toBe(1);
    release();
    await until('the second question', () => fetches === 2);
    release();
    await opened(1);
    expect(fetches).toBe(2);
  });

  test('opening is tried again when the cluster does not answer', async () => {
    let failures = 2;
    beforeAnswer = async () => {
      if (failures-- > 0) throw new Error('coordinator is loading');
    };
    partitions.onJoin([P0], 'member-1');
    await opened(0);
    expect(fetches).toBe(3);
    expect(fatal).toEqual([]);
  });

  test('a hole where records were deleted is data loss: the partition stops and says so', async () => {
    partitions.onJoin([P0], 'member-1');
    await opened(0);
    deliver(P0, 0);
    state.set(0, { topic: 'tasks', partition: 0, committed: { offset: -2, metadata: '' }, logStart: 5, logEnd: 9 });
    deliver(P0, 5, 6);
    await until('the error', () => fatal.length === 1);
    expect(fatal[0]).toBeInstanceOf(DataLoss);
    expect(fatal[0]?.message).toContain('tasks[0]: records 1 to 4 were deleted');
    deliver(P0, 5, 6);
    expect(told.filter((entry) => entry.startsWith('records'))).toEqual(['records 0 0']);
  });

  test('a hole where records were deleted that somebody else has handled is no loss: the partition begins anew', async () => {
    partitions.onJoin([P0], 'member-1');
    await opened(0);
    commit(0, 6, { logStart: 5, logEnd: 9 });
    told.length = 0;
    deliver(P0, 5);
    await opened(0);
    expect(told).toEqual(['pause 0', 'closed 0', 'open 0', 'seek 0 6', 'resume 0']);
    expect(fatal).toEqual([]);
  });

  test('a hole where nothing was deleted is passed', async () => {
    commit(0, 0, { logStart: 0, logEnd: 9 });
    partitions.onJoin([P0], 'member-1');
    await opened(0);
    deliver(P0, 0);
    told.length = 0;
    deliver(P0, 2);
    await until('it reads again', () => told.includes('resume 0'));
    expect(told).toEqual(['pause 0', 'seek 0 2', 'resume 0']);
    deliver(P0, 2);
    expect(told.at(-1)).toBe('records 0 2');
  });

  test('what is not assigned gets no records, and what is closed is closed once', async () => {
    partitions.onJoin([P0], 'member-1');
    await opened(0);
    deliver(P1, 0);
    partitions.closeAll();
    deliver(P0, 0);
    partitions.closeAll();
    expect(told.filter((entry) => /records|closed/.test(entry))).toEqual(['closed 0']);
    expect(partitions.isAssigned(P0)).toBe(false);
  });

  test('a committed offset that the log does not hold is told to open as it is, and never fetched', async () => {
    commit(0, -2, { logStart: 4, logEnd: 9 });
    commit(1, 50, { logStart: 4, logEnd: 9 });
    partitions.onJoin([P0, P1], 'member-1');
    await opened(1);
    expect(told.filter((entry) => entry.startsWith('seek'))).toEqual(['seek 0 4', 'seek 1 9']);
  });
});
