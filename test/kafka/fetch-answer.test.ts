import { decodeFetch, logEnds, unreadIn } from '../../src/kafka/fetch-answer.js';
import { changed, flipped, TRANSACTIONAL } from './batch-bytes.js';
import { javaBatch } from './java-batches.js';

const three = (baseOffset: number): Buffer => changed(javaBatch('idempotent').bytes, { baseOffset });
const EMPTY = Buffer.alloc(0);
const CORRUPT_MESSAGE = 2;

interface PartitionFields {
  readonly partition: number;
  readonly errorCode?: number;
  readonly highWatermark?: number;
  readonly lastStable?: number;
  readonly aborted?: readonly { readonly producerId: number; readonly firstOffset: number }[];
  readonly records?: Buffer;
}

const int = (bits: 16 | 32, value: number): Buffer => {
  const bytes = Buffer.alloc(bits / 8);
  bytes.writeIntBE(value, 0, bits / 8);
  return bytes;
};
const long = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
};

/** An answer about the topic "tasks", as a broker writes it. */
function answer(version: number, ...partitions: readonly PartitionFields[]): Buffer {
  const written = partitions.map(({ partition, errorCode = 0, records = EMPTY, aborted = [], ...ends }) =>
    Buffer.concat([
      int(32, partition),
      int(16, errorCode),
      long(ends.highWatermark ?? 100),
      long(ends.lastStable ?? 100),
      version >= 5 ? long(0) : EMPTY,
      int(32, aborted.length),
      ...aborted.flatMap(({ producerId, firstOffset }) => [long(producerId), long(firstOffset)]),
      version >= 11 ? int(32, 7) : EMPTY,
      int(32, records.length),
      records,
    ]),
  );
  return Buffer.concat([
    int(32, 5),
    version >= 7 ? Buffer.concat([int(16, 0), int(32, 9)]) : EMPTY,
    int(32, 1),
    int(16, 5),
    Buffer.from('tasks'),
    int(32, partitions.length),
    ...written,
  ]);
}

const asking = (...from: readonly number[]) => ({
  topics: from.map((fetchOffset, partition) => ({
    topic: 'tasks',
    partitions: [{ partition, fetchOffset: String(fetchOffset), maxBytes: 1 }],
  })),
});
const partitionsOf = (bytes: Buffer, version: number, ...from: readonly number[]) =>
  decodeFetch(bytes, version, asking(...from)).responses[0]?.partitions ?? [];
const messages = (bytes: Buffer, from = 0) =>
  (partitionsOf(answer(11, { partition: 0, records: bytes }), 11, from)[0]?.messages ?? []).map(lineOf);
const lineOf = (message: object): string => {
  const { offset, isControlRecord } = message as { readonly offset: string; readonly isControlRecord: boolean };
  return `${isControlRecord ? 'hidden' : (unreadIn(message)?.kind ?? 'record')} ${offset}`;
};

test.each([4, 5, 6, 7, 8, 9, 10, 11])('version %i of the answer is read', (version) => {
  const bytes = answer(version, { partition: 0, records: three(4), lastStable: 60, highWatermark: 70 });
  const read = decodeFetch(bytes, version, asking(4));
  const session = version >= 7 ? 9 : 0;
  expect(read).toMatchObject({ throttleTime: 0, clientSideThrottleTime: 5, errorCode: 0, sessionId: session });
  const [partition] = read.responses[0]?.partitions ?? [];
  expect(partition?.messages.map(lineOf)).toEqual(['record 4', 'record 5', 'record 6']);
  expect(partition).toMatchObject({
    highWatermark: '70',
    lastStableOffset: '60',
    preferredReadReplica: version >= 11 ? 7 : -1,
  });
  expect(logEnds(partition?.messages ?? [])).toMatchObject({ highWatermark: 70, lastStableOffset: 60 });
});

test('an answer that ends too soon is an error of its reader', () => {
  const bytes = answer(11, { partition: 0, records: three(4) });
  for (let end = 0; end < bytes.length; end += 1)
    expect(() => decodeFetch(bytes.subarray(0, end), 11, asking(0))).toThrow(RangeError);
});

test('what is wrong with one partition leaves the others as they are', () => {
  const [first, second, third, fourth] = partitionsOf(
    answer(
      11,
      { partition: 0, records: flipped(three(0), 40) },
      { partition: 1, records: three(0) },
      { partition: 2, errorCode: CORRUPT_MESSAGE },
      { partition: 3, errorCode: 6 },
    ),
    11,
    ...[0, 0, 12, 0],
  );
  expect(first?.messages.map(lineOf)).toEqual(['corrupt 0']);
  expect(second?.messages.map(lineOf)).toEqual(['record 0', 'record 1', 'record 2']);
  expect(third?.messages.map(lineOf)).toEqual(['corrupt 12']);
  expect([first, second, third, fourth].map((each) => each?.errorCode)).toEqual([0, 0, 0, 6]);
});

describe('a batch of kafkajs', () => {
  const marker = changed(javaBatch('commit').bytes, { baseOffset: 0 });
  test('begins and ends where what was brought does, whatever readers see of it', () => {
    expect(messages(Buffer.concat([marker, three(1), changed(marker, { baseOffset: 4 })]))).toEqual([
      'hidden 0',
      'record 1',
      'record 2',
      'record 3',
      'hidden 4',
    ]);
    expect(messages(marker)).toEqual(['hidden 0']);
    expect(messages(changed(three(0), { lastOffsetDelta: 8 }), 5)).toEqual(['hidden 5', 'hidden 8']);
    expect(messages(EMPTY)).toEqual([]);
  });

  test('has one message for a batch that cannot be decoded, at its last offset', () => {
    const lost = changed(three(3), { recordCount: 9 });
    expect(messages(Buffer.concat([three(0), lost, three(6)]), 1)).toEqual([
      ...['record 1', 'record 2', 'undecodable 5'],
      ...['record 6', 'record 7', 'record 8'],
    ]);
  });

  test('has nothing of aborted transactions', () => {
    const inTransaction = changed(three(0), { attributes: TRANSACTIONAL, producerId: 5n });
    const bytes = answer(11, {
      partition: 0,
      records: Buffer.concat([inTransaction, three(3)]),
      aborted: [{ producerId: 5, firstOffset: 0 }],
    });
    const [partition] = partitionsOf(bytes, 11, 0);
    expect(partition?.messages.map(lineOf)).toEqual(['hidden 0', 'record 3', 'record 4', 'record 5']);
  });
});
