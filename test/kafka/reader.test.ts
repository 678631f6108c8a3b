import { createDeferred } from '../../src/domain/deferred.js';
import { DataLoss } from '../../src/domain/record.js';
import type { Reader, ReaderOwner } from '../../src/kafka/reader.js';
import { setApart } from '../../src/kafka/reading/state.js';
import type { PartitionAssignment } from '../../src/ports/log.js';
import { until } from '../contract/until.js';
import { createScriptedReader, messagesAt, scriptedConsumer } from './scripted-reader.js';

const P0 = { topic: 'tasks', partition: 0 };
const P1 = { topic: 'tasks', partition: 1 };

describe('the driver of the reading machine', () => {
  const releases: Reader[] = [];
  afterEach(async () => {
    for (const reader of releases.splice(0)) await reader.stop();
  });

  /** A member with these partitions, from offset 0 on; `owner` may replace what it does with them. */
  async function joinedReader(owner: Partial<ReaderOwner> = {}) {
    const { consumer, emit, told, bring } = scriptedConsumer(() =>
      emit('join', { memberAssignment: { tasks: [0, 1] }, memberId: 'm' }),
    );
    const done: string[] = [];
    const fatal: Error[] = [];
    const reader = createScriptedReader({
      consumer,
      ask: async (topic, partitions) =>
        partitions.map(
          (partition): PartitionAssignment => ({ topic, partition, committed: null, logStart: 0, logEnd: 9 }),
        ),
      owner: {
        deliver: ({ partition }, records) =>
          void done.push(`records ${partition} ${records.map(({ offset }) => offset).join(',')}`),
        close: ({ partition }) => void done.push(`close ${partition}`),
        onFatal: (error) => void fatal.push(error),
        ...owner,
      },
    });
    releases.push(reader);
    await reader.session.start();
    await until('partition 1', () => told.includes('resume 1'), 5_000);
    told.length = 0;
    return { reader, emit, told, bring, done, fatal };
  }

  test('brings records to their owner and tells the client where it is', async () => {
    const { bring, done } = await joinedReader();
    expect(await bring(P0, 0, 1)).toEqual([1]);
    expect(done).toEqual(['records 0 0,1']);
  });

  test('fetches nothing more while the owner has no room, and stays in its group', async () => {
    const room = createDeferred<void>();
    const { bring, told, done } = await joinedReader({ room: () => room.promise });
    let isOver = false;
    const brought = bring(P0, 0, 1).then(() => void (isOver = true));
    await until('heartbeats', () => told.filter((each) => each === 'heartbeat').length === 2, 5_000);
    expect([done, isOver]).toEqual([['records 0 0,1'], false]);
    room.resolve();
    await brought;
  });

  test('hands own records on at once, and drops them undecoded when they are fetched', async () => {
    const { reader, bring, done } = await joinedReader();
    reader.onOwn({ ...P0, baseOffset: 0, messages: () => messagesAt(0, 1) });
    reader.onOwn({ ...P0, baseOffset: 3, messages: () => messagesAt(3) }); // 2 lies in between
    expect(done).toEqual(['records 0 0,1']);
    expect(await bring(P0, 0, 1, 2)).toEqual([2]);
    expect(done).toEqual(['records 0 0,1', 'records 0 2']);
  });

  test('takes the end of a batch that no reader sees for progress', async () => {
    const { emit, reader } = await joinedReader();
    emit('end', { ...P0, batchSize: 0, firstOffset: '0', lastOffset: '3' });
    expect(reader.state().partitions.get('tasks[0]')?.position).toBe(4);
  });

  test('stops the partition of a handler that throws, and no other', async () => {
    const { bring, told, done, fatal } = await joinedReader({
      deliver({ partition }) {
        if (partition === 0) throw new Error('cannot fold this');
        done.push('records 1');
      },
    });
    await bring(P0, 0);
    await bring(P1, 0);
    await bring(P0, 1);
    expect(fatal.map(({ message }) => message)).toEqual(['cannot fold this']);
    expect(told).toEqual(['pause 0']);
    expect(done).toEqual(['records 1']);
  });

  test('closes every partition once, also when a handler leaves the group mid-batch, or closing throws', async () => {
    const closed: number[] = [];
    const { reader, bring, fatal } = await joinedReader({
      deliver: () => void reader.stop(),
      close({ partition }) {
        closed.push(partition);
        if (partition === 0) throw new Error('cannot close');
      },
    });
    await bring(P0, 0);
    await reader.stop();
    expect(closed).toEqual([0, 1]);
    expect(fatal.map(({ message }) => message)).toEqual(['cannot close']);
    expect(await bring(P1, 0)).toEqual([]);
  });

  test('sets a partition apart whose open says that records were lost, and stops if open fails otherwise', async () => {
    const { reader, told, fatal } = await joinedReader({
      open(_id, { partition }) {
        if (partition === 0) throw new DataLoss('no usable commit');
      },
    });
    expect(setApart(reader.state())).toEqual([{ ...P0, offset: 0, reason: 'no usable commit' }]);
    expect([told, fatal]).toEqual([[], []]);
  });
});
