import { readBatch, type Fetched } from '../../src/kafka/read-batch.js';
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
