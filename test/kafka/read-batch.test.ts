import { createReadingBudget, READING_LIMITS } from '../../src/kafka/batches/reading-budget.js';
import { decodeRecordSet } from '../../src/kafka/batches/record-set.js';
import { messagesOf } from '../../src/kafka/fetch-answer.js';
import { readBatch, type Fetched } from '../../src/kafka/read-batch.js';
import { changed, flipped } from './batch-bytes.js';
import { javaBatch } from './java-batches.js';
import { messagesAt, testCodec } from './scripted-reader.js';

const PLACE = { topic: 'tasks', partition: 0 };
const fetched = (first: number, last: number, ...offsets: readonly number[]): Fetched => ({
  messages: messagesAt(...offsets),
  first,
  last,
});
const read = (batch: Fetched, position: number, expected = position, stops = true) => {
  const { records, ...rest } = readBatch(testCodec, PLACE, batch, { position, expected, stops });
  return { offsets: records.map(({ offset }) => offset), ...rest };
};

test.each([
  ['all of it', fetched(3, 5, 3, 4, 5), 3, { offsets: [3, 4, 5], position: 6, stop: null }],
  ['what was not delivered before', fetched(3, 5, 3, 4, 5), 5, { offsets: [5], position: 6, stop: null }],
  ['nothing when all was', fetched(3, 5, 3, 4, 5), 6, { offsets: [], position: 6, stop: null }],
  ['and passes a marker at its end', fetched(3, 5, 3, 4), 3, { offsets: [3, 4], position: 6, stop: null }],
  [
    'and passes what is aborted before and between',
    fetched(3, 7, 5, 7),
    3,
    { offsets: [5, 7], position: 8, stop: null },
  ],
])('a batch gives %s', (_, batch, position, result) => {
  expect(read(batch, position, Math.min(position, 3))).toEqual(result);
});

test('a batch that begins behind the position shows a hole, which only a watch passes', () => {
  const hole = fetched(5, 6, 5, 6);
  expect(read(hole, 3)).toEqual({ offsets: [], position: 3, stop: { kind: 'gap', nextOffset: 5 } });
  expect(read(hole, 3, 3, false)).toEqual({ offsets: [5, 6], position: 7, stop: null });
});

test('a batch that begins below what was asked for is a rewind', () => {
  expect(read(fetched(1, 4, 1, 2, 3, 4), 3)).toEqual({ offsets: [], position: 3, stop: { kind: 'rewound' } });
});

describe('records that could not be read', () => {
  const three = (baseOffset: number) => changed(javaBatch('idempotent').bytes, { baseOffset });
  const lost = changed(three(3), { recordCount: 9 });
  const answerOf = (from: number, ...batches: readonly Buffer[]): Fetched => {
    const messages = messagesOf(
      decodeRecordSet({ bytes: Buffer.concat(batches), from, aborted: [] }, createReadingBudget(READING_LIMITS)),
    );
    const offsets = messages.map(({ offset }) => Number(offset));
    const seen = messages.filter(({ isControlRecord }) => !isControlRecord);
    return { messages: seen, first: offsets[0] ?? 0, last: offsets.at(-1) ?? 0 };
  };

  test('a batch that cannot be decoded is one poison record at its last offset, for members and watches', () => {
    for (const stops of [true, false]) {
      const { records, position, stop } = readBatch(testCodec, PLACE, answerOf(3, lost, three(6)), {
        position: 3,
        expected: 3,
        stops,
      });
      expect(records.map(({ offset }) => offset)).toEqual([5, 6, 7, 8]);
      expect(records[0]).toMatchObject({
        key: null,
        bytes: { key: null, value: null },
        content: {
          kind: 'poison',
          batch: { baseOffset: 3, codec: 'none' },
          reason: 'the batch of records 3 to 5 of tasks[0], codec none, cannot be decoded: a number has no end',
        },
      });
      expect({ position, stop }).toEqual({ position: 9, stop: null });
    }
  });

  test('from the middle of such a batch on it is the same record', () => {
    expect(read(answerOf(4, lost), 4)).toEqual({ offsets: [5], position: 6, stop: null });
  });

  test('what is corrupt ends the reading before it, for members and watches', () => {
    const damaged = flipped(three(3), 30);
    for (const stops of [true, false])
      expect(read(answerOf(0, three(0), damaged, three(6)), 0, 0, stops)).toEqual({
        offsets: [0, 1, 2],
        position: 3,
        stop: { kind: 'corrupt', reason: expect.stringContaining('the checksum of the batch') },
      });
  });

  test('what is corrupt and was read before, when it was appended, does not', () => {
    expect(read(answerOf(3, flipped(three(3), 30)), 6, 3)).toEqual({ offsets: [], position: 6, stop: null });
  });
});

test.each([
  ['9000000000000000', 8.64e15],
  ['-1', -1],
  ['-9000000000000000', -1],
])("a writer's time of %s is one that a date can have", (timestamp, timestampMs) => {
  const [message] = messagesAt(0);
  if (message === undefined) throw new Error('no message');
  const batch: Fetched = { messages: [{ ...message, timestamp }], first: 0, last: 0 };
  const { records } = readBatch(testCodec, PLACE, batch, { position: 0, expected: 0, stops: true });
  expect(records[0]?.timestampMs).toBe(timestampMs);
  expect(() => new Date(records[0]?.timestampMs ?? NaN).toISOString()).not.toThrow();
});
