import { randomUUID } from 'node:crypto';
import { headerText } from '../../src/domain/dead-letter.js';
import { createDeferred } from '../../src/domain/deferred.js';
import { DataLoss } from '../../src/domain/record.js';
import {
  AppendDropped,
  AppendRejected,
  CommitRefused,
  TopicMissing,
  type AnyRecord,
  type Appender,
  type Log,
  type LogCapabilities,
  type LogRecord,
  type PartitionAssignment,
  type PartitionId,
} from '../../src/ports/log.js';
import { pause } from '../../src/ports/clock.js';
import { systemClock } from './system-clock.js';
import { statusRequest, taskAssigned, taskProgress } from './events.js';
import { joinRecorded, offsetsOf, textsOf, type RecordedMember } from './recorder.js';
import { until } from './until.js';

/** A log with what the suite must do to it behind the port's back. */
export interface LogUnderTest {
  readonly log: Log;
  /** What the log should say of itself. */
  readonly capabilities: LogCapabilities;
  /** Writes bytes that no reader could ever decode. */
  writePoison(partition: PartitionId, key: string): Promise<void>;
  /** Writes an event of a type that this build does not know. */
  writeUnknownType(partition: PartitionId, key: string): Promise<void>;
  /** Replaces a group's committed offset, as an administrator does; the group has no member. */
  setCommitted(groupId: string, partition: PartitionId, offset: number): Promise<void>;
  close(): Promise<void>;
}

/** The behaviours that every log has; roles rely on them and on nothing else. */
export function describeLogContract(title: string, create: () => Promise<LogUnderTest>): void {
  describe(title, () => {
    let tested: LogUnderTest;
    let log: Log;
    let topic: string;
    let group: string;
    let appender: Appender;
    let members: RecordedMember[];

    beforeAll(async () => {
      tested = await create();
      log = tested.log;
    });
    afterAll(() => tested.close());

    beforeEach(async () => {
      topic = `contract-${randomUUID()}`;
      group = `group-${randomUUID()}`;
      members = [];
      await createTopic(topic, 4);
      appender = log.createAppender('test');
    });
    afterEach(async () => {
      await appender.close();
      for (const { member } of members) await member.leave();
    });

    test('says what it is capable of', () => {
      expect(log.capabilities).toEqual(tested.capabilities);
    });

    const createTopic = (name: string, partitions: number) =>
      log.admin.ensureTopics([{ name, partitions, replicationFactor: null, config: { 'cleanup.policy': 'delete' } }]);
    const append = (partition: number, ...texts: string[]) =>
      Promise.all(texts.map((text) => appender.append({ topic, partition, key: text, event: statusRequest(text) })));
    const join: typeof joinRecorded = async (...args) => {
      const joined = await joinRecorded(...args);
      members.push(joined);
      return joined;
    };
    const numbered = (count: number, prefix = 'n') => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

    describe('appending', () => {
      test('acknowledged offsets are those at which readers find the records, in the order of the calls', async () => {
        const texts = numbered(300);
        const appended = await append(1, ...texts);
        expect(appended.map(({ offset }) => offset)).toEqual(texts.map((_, index) => index));
        const reader = await join(log, group, topic);
        await until('all records', () => reader.records.length === texts.length);
        expect(reader.texts()).toEqual(texts);
        expect(offsetsOf(reader.records, { partition: 1 })).toEqual(texts.map((_, index) => index));
      });

      test('each partition has its own offsets', async () => {
        const [first] = await append(0, 'a');
        const [second] = await append(3, 'b');
        expect([first, second]).toEqual([
          { topic, partition: 0, offset: 0 },
          { topic, partition: 3, offset: 0 },
        ]);
      });

      test('an event is read as it was written, with its key and a time', async () => {
        const event = taskProgress('m-1', 'deploy-cert_agent-wave1', 2);
        const before = Date.now();
        await appender.append({ topic, partition: 0, key: 'm-1/deploy-cert_agent-wave1', event });
        const reader = await join(log, group, topic);
        await until('the record', () => reader.records.length === 1);
        const [record] = reader.records;
        expect(record).toMatchObject({
          topic,
          partition: 0,
          offset: 0,
          key: 'm-1/deploy-cert_agent-wave1',
          content: { kind: 'event' },
        });
        expect(
          record?.content.kind === 'event'
            ? { ...record.content.event, payload: { ...record.content.event.payload } }
            : null,
        ).toEqual(event);
        expect(Math.abs((record?.timestampMs ?? 0) - before)).toBeLessThan(60_000);
      });

      test('changing an event after append changes nothing in the log', async () => {
        const event = statusRequest('before');
        const appended = appender.append({ topic, partition: 0, key: 'k', event });
        event.payload.request_id = 'after';
        await appended;
        const reader = await join(log, group, topic);
        await until('the record', () => reader.records.length === 1);
        expect(reader.texts()).toEqual(['before']);
      });

      test('a record that is too large is rejected, and those around it are written in order', async () => {
        const tooLarge = 'x'.repeat(2 * 1024 * 1024);
        const outcomes = await Promise.allSettled(
          ['a', tooLarge, 'b', 'c'].map((text) =>
            appender.append({ topic, partition: 0, key: 'k', event: statusRequest(text) }),
          ),
        );
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
        expect(outcomes[1]).toMatchObject({ reason: expect.any(AppendRejected) });
        // And when the topic's limit is known beforehand.
        await expect(
          appender.append({ topic, partition: 0, key: 'k', event: statusRequest(tooLarge) }),
        ).rejects.toThrow(AppendRejected);
        const reader = await join(log, group, topic);
        await until('the others', () => reader.records.length === 3);
        expect(reader.texts()).toEqual(['a', 'b', 'c']);
      });

      test('a missing topic or partition rejects its own records only', async () => {
        const outcomes = await Promise.allSettled([
          appender.append({ topic: `${topic}-missing`, partition: 0, key: 'k', event: statusRequest('lost') }),
          appender.append({ topic, partition: 17, key: 'k', event: statusRequest('lost') }),
          appender.append({ topic, partition: 0, key: 'k', event: statusRequest('kept') }),
        ]);
        expect(outcomes).toMatchObject([
          { reason: expect.any(AppendRejected) },
          { reason: expect.any(AppendRejected) },
          { status: 'fulfilled' },
        ]);
      });

      test('dropped requests are not written; the others are', async () => {
        const outcomes = Promise.allSettled(
          ['keep-1', 'drop-1', 'keep-2', 'drop-2'].map((text) =>
            appender.append({ topic, partition: 0, key: text, event: statusRequest(text) }),
          ),
        );
        appender.dropQueued(({ key }) => key.startsWith('drop'));
        expect(await outcomes).toMatchObject([
          { status: 'fulfilled' },
          { reason: expect.any(AppendDropped) },
          { status: 'fulfilled' },
          { reason: expect.any(AppendDropped) },
        ]);
        const reader = await join(log, group, topic);
        await until('the kept ones', () => reader.records.length === 2);
        expect(reader.texts()).toEqual(['keep-1', 'keep-2']);
      });

      test('close writes what is queued and refuses what comes later', async () => {
        const queued = append(0, 'a', 'b');
        await appender.close();
        expect(await queued).toHaveLength(2);
        await expect(appender.append({ topic, partition: 0, key: 'k', event: statusRequest('late') })).rejects.toThrow(
          AppendDropped,
        );
      });
    });

    describe('a group', () => {
      test('gives all partitions to its only member, told truthfully what it finds', async () => {
        await append(2, 'a', 'b');
        const only = await join(log, group, topic);
        await until('four open partitions', () => only.open.size === 4);
        expect([...only.assignments].sort((a, b) => a.partition - b.partition)).toEqual(
          [0, 1, 2, 3].map((partition) => ({
            topic,
            partition,
            committed: null,
            logStart: 0,
            logEnd: partition === 2 ? 2 : 0,
          })),
        );
        expect(only.member.isAssigned({ topic, partition: 3 })).toBe(true);
        expect(only.member.isAssigned({ topic, partition: 4 })).toBe(false);
      });

      test('delivers what is appended while it reads', async () => {
        const reader = await join(log, group, topic);
        await append(0, 'a');
        await until('the first', () => reader.records.length === 1);
        await append(0, 'b');
        await until('the second', () => reader.records.length === 2);
        expect(reader.texts()).toEqual(['a', 'b']);
      });

      test('starts the next member at the committed offset, with the metadata of the commit', async () => {
        await append(0, 'a', 'b', 'c');
        const first = await join(log, group, topic);
        await until('all', () => first.records.length === 3);
        await first.member.commit([{ topic, partition: 0, offset: 1, metadata: 'holder=w1 ümläut' }]);
        await first.member.leave();
        expect(first.open.size).toBe(0);
        const second = await join(log, group, topic);
        await until('the rest', () => second.records.length === 2);
        expect(second.texts()).toEqual(['b', 'c']);
        expect(second.assignments.find(({ partition }) => partition === 0)).toEqual({
          topic,
          partition: 0,
          committed: { offset: 1, metadata: 'holder=w1 ümläut' },
          logStart: 0,
          logEnd: 3,
        });
      });

      test('moves partitions to a second member and back, without gap or repeat at either', async () => {
        for (const partition of [0, 1, 2, 3]) await append(partition, ...numbered(3, `p${partition}-`));
        const first = await join(log, group, topic);
        await until('everything read once', () => first.records.length === 12);
        await first.member.commit([0, 1, 2, 3].map((partition) => ({ topic, partition, offset: 3, metadata: '' })));
        const second = await join(log, group, topic);
        await until('two partitions each', () => first.open.size === 2 && second.open.size === 2);
        // Those that stay are not opened again, and do not start over.
        expect(first.assignments).toHaveLength(4);
        for (const partition of [0, 1, 2, 3]) await append(partition, `p${partition}-3`);
        await until('the new ones at their holder', () => first.records.length === 14 && second.records.length === 2);
        await second.member.commit(
          second.records.map(({ partition }) => ({ topic, partition, offset: 4, metadata: '' })),
        );
        await second.member.leave();
        await until('all four back', () => first.open.size === 4);
        for (const partition of [0, 1, 2, 3]) await append(partition, `p${partition}-4`);
        await until('the last ones', () => first.records.length === 18);
        for (const partition of first.open) {
          const expected = second.closed.includes(partition) ? [0, 1, 2, 4] : [0, 1, 2, 3, 4];
          expect(offsetsOf(first.records, { partition })).toEqual(expected);
        }
        expect([...first.fatal, ...second.fatal]).toEqual([]);
      });

      test('leaves partitions out of a commit that are no longer assigned', async () => {
        const first = await join(log, group, topic);
        await until('open', () => first.open.size === 4);
        const second = await join(log, group, topic);
        await until('two each', () => first.open.size === 2 && second.open.size === 2);
        const [lost] = second.open;
        const [kept] = first.open;
        const taken = await first.member.commit([
          { topic, partition: lost ?? -1, offset: 7, metadata: '' },
          { topic, partition: kept ?? -1, offset: 0, metadata: 'mine' },
        ]);
        expect(taken.map(({ partition }) => partition)).toEqual([kept]);
        const committed = await log.admin.committed(group, topic);
        expect(committed.find(({ partition }) => partition === lost)?.offset).toBeNull();
        expect(committed.find(({ partition }) => partition === kept)).toEqual({
          partition: kept,
          offset: 0,
          metadata: 'mine',
        });
        expect(await first.member.commit([{ topic, partition: lost ?? -1, offset: 7, metadata: '' }])).toEqual([]);
      });

      test('refuses metadata of more than 4,096 bytes, and commits after leaving', async () => {
        const only = await join(log, group, topic);
        await until('open', () => only.open.size === 4);
        await only.member.commit([{ topic, partition: 0, offset: 0, metadata: 'x'.repeat(4096) }]);
        await expect(
          only.member.commit([{ topic, partition: 0, offset: 0, metadata: 'x'.repeat(4097) }]),
        ).rejects.toThrow(CommitRefused);
        await only.member.leave();
        await expect(only.member.commit([{ topic, partition: 0, offset: 0, metadata: '' }])).rejects.toThrow(
          CommitRefused,
        );
      });

      test('passes a committed offset below the log start through; it does not hide data loss', async () => {
        await append(0, ...numbered(10));
        await tested.setCommitted(group, { topic, partition: 0 }, 2);
        await log.admin.deleteRecords(topic, 0, 5);
        const reader = await join(log, group, topic, {
          onOpen({ committed, logStart }) {
            if (committed !== null && committed.offset < logStart)
              throw new Error(`lost ${committed.offset} to ${logStart - 1}`);
          },
        });
        await until('a fatal error', () => reader.fatal.length === 1);
        expect(reader.fatal[0]?.message).toBe('lost 2 to 4');
        await append(0, 'later');
        await append(1, 'elsewhere');
        await until('the healthy partition', () => reader.records.length === 1);
        expect(reader.texts()).toEqual(['elsewhere']);
        expect((await log.admin.committed(group, topic))[0]).toMatchObject({ partition: 0, offset: 2 });
      });

      test('sets a partition apart whose records were lost, names it, and continues with the others', async () => {
        await append(0, ...numbered(10));
        await tested.setCommitted(group, { topic, partition: 0 }, 2);
        await log.admin.deleteRecords(topic, 0, 5);
        const reader = await join(log, group, topic, { onOpen: refuseLoss });
        const apart = [{ topic, partition: 0, offset: 2, reason: 'records 2 to 4 are lost' }];
        await until('the partition that is set apart', () => reader.setApart.length === 1);
        expect([reader.setApart, reader.member.health().setApart]).toEqual([apart, apart]);
        await until('the others', () => reader.open.size === 3);
        await append(0, 'later');
        await append(1, 'elsewhere');
        await until('the healthy partition', () => reader.records.length === 1);
        expect(reader.texts()).toEqual(['elsewhere']);
        expect(reader.fatal).toEqual([]);
        expect((await log.admin.committed(group, topic))[0]).toMatchObject({ partition: 0, offset: 2 });
      });

      test('gives it to a member that wants only that one; opens it again once that member has recovered', async () => {
        await append(0, ...numbered(10));
        await tested.setCommitted(group, { topic, partition: 0 }, 2);
        await log.admin.deleteRecords(topic, 0, 5);
        const reader = await join(log, group, topic, { onOpen: refuseLoss });
        await until('the others', () => reader.setApart.length === 1 && reader.open.size === 3);
        const healer = await join(log, group, topic, { only: [{ topic, partition: 0 }] });
        await until('the partition', () => healer.open.size === 1);
        expect(healer.assignments).toMatchObject([{ partition: 0, committed: { offset: 2 }, logStart: 5, logEnd: 10 }]);
        await until('that it is no longer named', () => reader.setApart.length === 0);
        expect(reader.closed).toEqual([]);
        await healer.member.commit([{ topic, partition: 0, offset: 5, metadata: 'recovered' }]);
        await healer.member.leave();
        await until('the rest of it', () => reader.records.length === 5);
        expect(reader.texts()).toEqual(['n5', 'n6', 'n7', 'n8', 'n9']);
        expect(reader.assignments.at(-1)).toMatchObject({ committed: { offset: 5, metadata: 'recovered' } });
        expect([reader.closed, reader.fatal]).toEqual([[], []]);
      });

      test('gives a member that wants only what another holds nothing, and takes nothing from the other', async () => {
        const holder = await join(log, group, topic);
        await until('all four', () => holder.open.size === 4);
        const other = await join(log, group, topic, { only: [{ topic, partition: 0 }] });
        await append(0, 'a');
        await until('the record', () => holder.records.length === 1);
        expect([other.open.size, holder.closed]).toEqual([0, []]);
      });

      test('stops a partition whose handler throws, and says so', async () => {
        const reader = await join(log, group, topic, {
          onRecord({ partition }) {
            if (partition === 0) throw new Error('cannot fold this');
          },
        });
        await append(0, 'bad', 'never read');
        await append(1, 'good');
        await until(
          'the fatal error and the good record',
          () => reader.fatal.length === 1 && reader.records.length === 1,
        );
        expect(reader.fatal[0]?.message).toBe('cannot fold this');
        expect(reader.texts()).toEqual(['good']);
      });

      test('delivers poison as poison and continues', async () => {
        await append(0, 'a');
        await tested.writePoison({ topic, partition: 0 }, 'bad');
        await append(0, 'b');
        const reader = await join(log, group, topic);
        await until('three records', () => reader.records.length === 3);
        expect(reader.records.map(({ content, key }) => [content.kind, key])).toEqual([
          ['event', 'a'],
          ['poison', 'bad'],
          ['event', 'b'],
        ]);
      });

      test('delivers nothing more while its consumer has no room', async () => {
        const written = createDeferred<void>();
        await tested.writePoison({ topic, partition: 0 }, 'first');
        const reader = await join(log, group, topic, { room: () => written.promise });
        await until('the first', () => reader.records.length === 1);
        await tested.writePoison({ topic, partition: 0 }, 'second');
        const other = await join(log, `${group}-other`, topic);
        await until('the second, by a group with room', () => other.records.length === 2);
        await pause(systemClock, 300);
        expect(reader.records).toHaveLength(1);
        written.resolve();
        await until('the second', () => reader.records.length === 2);
        expect(reader.fatal).toEqual([]);
      });

      test('blocks a partition at a record that requires what this build does not know, and names it', async () => {
        await append(0, 'a');
        const event = taskAssigned(['no-such-requirement']);
        await appender.append({ topic, partition: 0, key: 'new', event });
        await append(0, 'b');
        const reader = await join(log, group, topic);
        await until('the block', () => reader.blocked.length === 1);
        await append(1, 'other');
        await until('the other partition', () => reader.records.length === 2);
        expect(reader.texts()).toEqual(['a', 'other']);
        expect(reader.blocked[0]).toEqual({
          partition: 0,
          offset: 1,
          reason: 'task_assigned requires no-such-requirement, which this build does not know; upgrade it',
        });
        const seen: LogRecord[] = [];
        let caughtUp = false;
        const watch = await log.watch({
          topics: [topic],
          from: 'beginning',
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void (caughtUp = true),
          onFatal: fail,
        });
        await until('the watch, which skips it', () => caughtUp);
        await watch.stop();
        expect([...textsOf(seen)].sort()).toEqual(['a', 'b', 'other']);
      });

      test('blocks a partition at an event type that this build does not know, and no other partition', async () => {
        await append(0, 'a');
        await tested.writeUnknownType({ topic, partition: 0 }, 'new');
        await append(0, 'b');
        const reader = await join(log, group, topic);
        await until('the block', () => reader.blocked.length === 1);
        await append(1, 'other');
        await until('the other partition', () => reader.records.length === 2);
        expect(reader.texts()).toEqual(['a', 'other']);
        expect(reader.blocked[0]).toMatchObject({
          partition: 0,
          offset: 1,
          reason: expect.stringContaining('does not know'),
        });
        expect(reader.fatal).toEqual([]);
      });

      test('of a topic that does not exist cannot be joined', async () => {
        await expect(joinRecorded(log, group, `${topic}-missing`)).rejects.toThrow(TopicMissing);
      });
    });

    describe('a watch', () => {
      test('from the beginning sees what is there, says when it has caught up, then sees what comes', async () => {
        await append(0, 'a', 'b');
        await append(3, 'c');
        const seen: LogRecord[] = [];
        const atCatchUp: number[] = [];
        const watch = await log.watch({
          topics: [topic],
          from: 'beginning',
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void atCatchUp.push(seen.length),
          onFatal: fail,
        });
        await until('caught up', () => atCatchUp.length === 1);
        expect(atCatchUp).toEqual([3]);
        await append(0, 'd');
        await until('the new one', () => seen.length === 4);
        await watch.stop();
        expect(textsOf(seen.filter(({ partition }) => partition === 0))).toEqual(['a', 'b', 'd']);
        expect(atCatchUp).toHaveLength(1);
      });

      test('from the end sees only what is written after it began', async () => {
        await append(0, 'old');
        const seen: LogRecord[] = [];
        let caughtUp = false;
        const watch = await log.watch({
          topics: [topic],
          from: 'end',
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void (caughtUp = true),
          onFatal: fail,
        });
        await append(0, 'new');
        await until('the new one', () => seen.length === 1 && caughtUp);
        await watch.stop();
        expect(textsOf(seen)).toEqual(['new']);
      });

      test('from places delivers these partitions from there on, and nothing of the others', async () => {
        await append(0, 'a', 'b', 'c');
        await append(1, 'd');
        await append(3, 'e');
        const seen: LogRecord[] = [];
        const atCatchUp: number[] = [];
        const watch = await log.watch({
          topics: [topic],
          from: [
            { topic, partition: 0, offset: 1 },
            { topic, partition: 3, offset: 99 },
          ],
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void atCatchUp.push(seen.length),
          onFatal: fail,
        });
        await until('caught up', () => atCatchUp.length === 1);
        expect(atCatchUp).toEqual([2]);
        await append(1, 'not this');
        await append(3, 'f');
        await append(0, 'g');
        await until('the new ones', () => seen.length === 4);
        await watch.stop();
        expect(textsOf(seen.filter(({ partition }) => partition === 0))).toEqual(['b', 'c', 'g']);
        expect(textsOf(seen.filter(({ partition }) => partition !== 0))).toEqual(['f']);
      });

      test('reads several topics, of which one may be empty', async () => {
        const empty = `${topic}-empty`;
        await createTopic(empty, 1);
        await append(0, 'a');
        const seen: LogRecord[] = [];
        let caughtUp = false;
        const watch = await log.watch({
          topics: [topic, empty],
          from: 'beginning',
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void (caughtUp = true),
          onFatal: fail,
        });
        await until('caught up', () => caughtUp);
        await appender.append({ topic: empty, partition: 0, key: 'k', event: statusRequest('b') });
        await until('both', () => seen.length === 2);
        await watch.stop();
        expect(textsOf(seen)).toEqual(['a', 'b']);
      });

      test('skips poison and event types that this build does not know', async () => {
        await append(0, 'a');
        await tested.writePoison({ topic, partition: 0 }, 'bad');
        await tested.writeUnknownType({ topic, partition: 0 }, 'new');
        await append(0, 'b');
        await tested.writeUnknownType({ topic, partition: 0 }, 'new');
        const seen: LogRecord[] = [];
        let caughtUp = false;
        const watch = await log.watch({
          topics: [topic],
          from: 'beginning',
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void (caughtUp = true),
          onFatal: fail,
        });
        await until('caught up', () => caughtUp);
        await watch.stop();
        expect(textsOf(seen)).toEqual(['a', 'b']);
      });

      test('hands them to a watcher that wants them, in their place in the order', async () => {
        await append(0, 'a');
        await tested.writePoison({ topic, partition: 0 }, 'bad');
        await tested.writeUnknownType({ topic, partition: 0 }, 'new');
        await append(0, 'b');
        const seen: AnyRecord[] = [];
        let caughtUp = false;
        const note = (record: AnyRecord) => void seen.push(record);
        const watch = await log.watch({
          topics: [topic],
          from: 'beginning',
          onRecord: note,
          onUndecodable: note,
          onCaughtUp: () => void (caughtUp = true),
          onFatal: fail,
        });
        await until('caught up', () => caughtUp);
        await watch.stop();
        expect(seen.map(({ offset, key, content }) => [offset, key, content.kind])).toEqual([
          [0, 'a', 'event'],
          [1, 'bad', 'poison'],
          [2, 'new', 'unreadable'],
          [3, 'b', 'event'],
        ]);
      });

      test('copies a record that it has seen, an event, poison or an unreadable one, with other headers', async () => {
        await append(0, 'a');
        await tested.writePoison({ topic, partition: 0 }, 'bad');
        await tested.writeUnknownType({ topic, partition: 0 }, 'new');
        const seen: AnyRecord[] = [];
        const note = (record: AnyRecord) => void seen.push(record);
        const watch = await log.watch({
          topics: [topic],
          from: 'beginning',
          onRecord: note,
          onUndecodable: note,
          onFatal: fail,
        });
        await until('all three', () => seen.length === 3);
        for (const record of [...seen])
          expect(await log.copyRecord({ topic, partition: 1, record, headers: { reason: 'moved' } })).toMatchObject({
            topic,
            partition: 1,
          });
        await until('the copies', () => seen.length === 6);
        await watch.stop();
        const essence = ({ key, content, bytes }: AnyRecord) => ({ key, content, bytes });
        expect(seen.slice(3).map(essence)).toEqual(seen.slice(0, 3).map(essence));
        expect(seen.slice(3).map(({ headers }) => headerText(headers?.['reason']))).toEqual([
          'moved',
          'moved',
          'moved',
        ]);
        await expect(
          log.copyRecord({
            topic: `${topic}-missing`,
            partition: 0,
            record: seen[0] ?? fail(new Error('no record')),
            headers: {},
          }),
        ).rejects.toThrow(AppendRejected);
      });

      test('begins at the log start when records were deleted', async () => {
        await append(0, 'a', 'b', 'c');
        await log.admin.deleteRecords(topic, 0, 2);
        const seen: LogRecord[] = [];
        let caughtUp = false;
        const watch = await log.watch({
          topics: [topic],
          from: 'beginning',
          onRecord: (record) => void seen.push(record),
          onCaughtUp: () => void (caughtUp = true),
          onFatal: fail,
        });
        await until('caught up', () => caughtUp);
        await watch.stop();
        expect(textsOf(seen)).toEqual(['c']);
      });

      test('sees nothing after stop, and learns when its handler throws', async () => {
        const errors: Error[] = [];
        const broken = await log.watch({
          topics: [topic],
          from: 'end',
          onRecord() {
            throw new Error('cannot show this');
          },
          onFatal: (error) => void errors.push(error),
        });
        const stopped: LogRecord[] = [];
        const watch = await log.watch({
          topics: [topic],
          from: 'end',
          onRecord: (record) => void stopped.push(record),
          onFatal: fail,
        });
        await watch.stop();
        await append(0, 'a', 'b');
        await until('the error', () => errors.length > 0);
        await broken.stop();
        expect(errors.map(({ message }) => message)).toEqual(['cannot show this']);
        expect(stopped).toEqual([]);
      });
    });

    describe('an administrator', () => {
      test('sees offsets, and deletes the beginning of a partition', async () => {
        await append(1, ...numbered(6));
        await log.admin.deleteRecords(topic, 1, 4);
        expect(await log.admin.offsets(topic)).toEqual([
          { partition: 0, low: 0, high: 0 },
          { partition: 1, low: 4, high: 6 },
          { partition: 2, low: 0, high: 0 },
          { partition: 3, low: 0, high: 0 },
        ]);
        const reader = await join(log, group, topic);
        await until('the rest', () => reader.records.length === 2);
        expect(reader.assignments.find(({ partition }) => partition === 1)).toMatchObject({
          committed: null,
          logStart: 4,
          logEnd: 6,
        });
        expect(reader.texts()).toEqual(['n4', 'n5']);
      });

      test('finds the first record that is not older than a time, and the end where there is none', async () => {
        await append(1, 'old', 'as old');
        await log.admin.deleteRecords(topic, 1, 1);
        const startMs = Date.now();
        await until('the next millisecond', () => Date.now() > startMs + 1);
        await append(1, 'young', 'younger');
        const reader = await join(log, group, topic);
        await until('all of them', () => reader.records.length === 3);
        const [old = 0, young = 0, younger = 0] = reader.records.map(({ timestampMs }) => timestampMs);
        expect(young).toBeGreaterThan(old);
        const inPartition1 = async (timestampMs: number) => (await log.admin.offsetAtTime(topic, timestampMs))[1];
        expect(await inPartition1(0)).toEqual({ partition: 1, offset: 1 });
        expect(await inPartition1(-1)).toEqual({ partition: 1, offset: 1 });
        expect(await inPartition1(old)).toEqual({ partition: 1, offset: 1 });
        expect(await inPartition1(old + 0.5)).toEqual({ partition: 1, offset: 2 });
        expect(await inPartition1(young)).toEqual({ partition: 1, offset: 2 });
        expect(await log.admin.offsetAtTime(topic, younger + 1)).toEqual([
          { partition: 0, offset: 0 },
          { partition: 1, offset: 4 },
          { partition: 2, offset: 0 },
          { partition: 3, offset: 0 },
        ]);
        await expect(log.admin.offsetAtTime(`${topic}-missing`, 0)).rejects.toThrow(TopicMissing);
      });

      test('counts partitions, and says when a topic is missing', async () => {
        expect(await log.admin.partitionCount(topic)).toBe(4);
        await expect(log.admin.partitionCount(`${topic}-missing`)).rejects.toThrow(TopicMissing);
        await expect(log.admin.offsets(`${topic}-missing`)).rejects.toThrow(TopicMissing);
      });

      test('creates missing topics once, and reports a difference without altering it', async () => {
        const spec = {
          name: `${topic}-two`,
          partitions: 2,
          replicationFactor: null,
          config: { 'cleanup.policy': 'delete', 'retention.ms': '-1' },
        };
        expect(await log.admin.ensureTopics([spec])).toEqual([]);
        expect(await log.admin.ensureTopics([spec])).toEqual([]);
        const changed = { ...spec, partitions: 5, config: { ...spec.config, 'retention.ms': '1000' } };
        expect(await log.admin.ensureTopics([changed])).toEqual(
          expect.arrayContaining([
            { topic: spec.name, setting: 'partitions', expected: '5', actual: '2' },
            { topic: spec.name, setting: 'retention.ms', expected: '1000', actual: '-1' },
          ]),
        );
        expect(await log.admin.partitionCount(spec.name)).toBe(2);
      });
    });
  });
}

/** As a fold does that cannot start there. */
function refuseLoss({ committed, logStart }: PartitionAssignment): void {
  if (committed !== null && committed.offset < logStart)
    throw new DataLoss(`records ${committed.offset} to ${logStart - 1} are lost`);
}

function fail(error: Error): never {
  throw error;
}
