import { crc32 } from 'node:zlib';
import type { Found, FoundRecord } from '../../src/kafka/batches/found.js';
import { createReadingBudget, READING_LIMITS, type ReadingLimits } from '../../src/kafka/batches/reading-budget.js';
import { decodeRecordSet, type RecordSet } from '../../src/kafka/batches/record-set.js';
import { changed, CODEC, flipped, TRANSACTIONAL, type BatchFields } from './batch-bytes.js';
import { digestOf, JAVA_BATCHES, javaBatch } from './java-batches.js';

const decode = (set: Partial<RecordSet>, limits: Partial<ReadingLimits> = {}): readonly Found[] =>
  decodeRecordSet(
    { bytes: Buffer.alloc(0), from: 0, aborted: [], ...set },
    createReadingBudget({ ...READING_LIMITS, ...limits }),
  );
const recordsIn = (found: readonly Found[]): readonly FoundRecord[] =>
  found.flatMap((each) => (each.kind === 'records' ? each.records : []));

const MARKERS = ['commit', 'abort', 'leader change'];

test.each(JAVA_BATCHES.filter(({ name }) => !MARKERS.includes(name)))(
  'a batch of the Java client is read as it reads it: $name',
  ({ bytes, count, first, last, sha256 }) => {
    const found = decode({ bytes });
    expect(found.map(({ kind }) => kind)).toEqual(found.map(() => 'records'));
    const records = recordsIn(found);
    expect({ count: records.length, first: records[0]?.offset, last: records.at(-1)?.offset }).toEqual({
      count,
      first,
      last,
    });
    expect(digestOf(records)).toBe(sha256);
  },
);

const THREE = javaBatch('zstd, 1 record').bytes;
/** Three records at these offsets, in a batch that begins at the first. */
const three = (baseOffset: number, fields: BatchFields = {}): Buffer =>
  changed(javaBatch('idempotent').bytes, { baseOffset, ...fields });
const kinds = (found: readonly Found[]) => found.map(({ kind, first, last }) => `${kind} ${first}-${last}`);

describe('what cannot be decoded', () => {
  const garbage = Buffer.from('no zstd at all');
  test.each([
    ['its codec says is damaged', THREE, { records: garbage }, 'zstd', 'its zstd data is damaged: a frame begins'],
    ['is of a codec that Kafka has not', THREE, { attributes: 6 }, 'codec 6', 'this build does not know codec 6'],
    ['has fewer records than it says', THREE, { recordCount: 2, lastOffsetDelta: 1 }, 'zstd', 'a number has no end'],
    ['has more records than it says', three(7), { recordCount: 2 }, 'none', 'bytes are left behind the last record'],
    ['says that it has fewer than none', three(7), { recordCount: -1 }, 'none', 'says that it has -1 records'],
    [
      'has an offset behind its last',
      three(7),
      { lastOffsetDelta: 1 },
      'none',
      'record 3 of the batch has the offset 9',
    ],
    ['has a record that is longer than the batch', three(7), { records: Buffer.from([2, 0]) }, 'none', 'no end'],
    ['has a key that is longer than it', three(7), { records: Buffer.from([8, 0, 0, 0, 100]) }, 'none', 'a key has'],
  ])('a batch that %s is found to be so, and what follows it is read', (_, batch, fields, codec, reason) => {
    const bad = changed(batch, fields);
    const last = 7 + bad.readInt32BE(23);
    const found = decode({ bytes: Buffer.concat([three(0), bad, three(20)]), from: 1 });
    expect(kinds(found)).toEqual(['records 1-2', `undecodable 7-${last}`, 'records 20-22']);
    const [, lost] = found;
    if (lost?.kind !== 'undecodable') throw new Error('the batch was decoded');
    expect(lost.batch).toMatchObject({
      baseOffset: 7,
      lastOffset: last,
      codec,
      reason: expect.stringContaining(reason),
    });
  });

  test('is the same batch, wherever its reader begins', () => {
    const bad = three(7, { lastOffsetDelta: 1 });
    expect(kinds(decode({ bytes: bad, from: 8 }))).toEqual(['undecodable 8-8']);
    expect(decode({ bytes: bad, from: 8 })[0]).toMatchObject({ batch: { baseOffset: 7, lastOffset: 8 } });
  });

  test('is a batch that unpacks to more than the limit', () => {
    const found = decode({ bytes: javaBatch('zstd, a record of 900 kB').bytes }, { batchBytes: 800_000 });
    expect(found).toMatchObject([{ kind: 'undecodable', batch: { reason: expect.stringContaining('800000 bytes') } }]);
  });

  test('is a message of an old format that does not unpack', () => {
    const message = Buffer.from(javaBatch('format v1, gzip').bytes);
    const middle = message.length >> 1;
    message[middle] = (message[middle] ?? 0) ^ 0xff;
    message.writeUInt32BE(crc32(message.subarray(16)), 12);
    const found = decode({ bytes: Buffer.concat([message, three(30)]), from: 7 });
    expect(kinds(found)).toEqual(['undecodable 7-27', 'records 30-32']);
    expect(found[0]).toMatchObject({ batch: { codec: 'gzip' } });
  });
});

describe('what is corrupt', () => {
  test.each(['idempotent', 'zstd, 1000 records', 'commit', 'format v0, gzip', 'format v1, lz4'])(
    'any bit behind the checksum shows it, and nothing behind it is looked at: %s',
    (name) => {
      const { bytes } = javaBatch(name);
      const start = (bytes[16] ?? 0) < 2 ? 17 : 21;
      for (let at = start; at < bytes.length; at += Math.ceil(bytes.length / 200)) {
        const found = decode({ bytes: Buffer.concat([three(0), flipped(bytes, at), three(2_000)]) });
        expect(found[0]?.kind).toBe('records');
        expect(found.at(-1)?.kind).toBe('corrupt');
      }
    },
  );

  test('is at the first offset that is wanted of it', () => {
    expect(kinds(decode({ bytes: flipped(three(7), 30), from: 8 }))).toEqual(['corrupt 8-8']);
    expect(decode({ bytes: flipped(three(7), 30) })).toMatchObject([
      { reason: expect.stringMatching(/^the checksum of the batch is [0-9a-f]{8}, and [0-9a-f]{8} was written$/) },
    ]);
  });

  test('is a format that no build knows, and a length that cannot be one', () => {
    const unknown = Buffer.from(three(7));
    unknown[16] = 3;
    expect(decode({ bytes: unknown })).toMatchObject([{ reason: 'records have the unknown format 3' }]);
    const short = Buffer.from(three(7));
    short.writeInt32BE(-5, 8);
    expect(decode({ bytes: short })).toMatchObject([{ kind: 'corrupt' }]);
    short.writeInt32BE(20, 8);
    expect(decode({ bytes: short })).toMatchObject([{ kind: 'corrupt' }]);
  });

  test('is not a batch that the size of the answer has cut off: the next fetch brings it', () => {
    const whole = three(0);
    for (const cut of [1, 12, 17, 61, 100])
      expect(kinds(decode({ bytes: Buffer.concat([whole, three(3).subarray(0, cut)]) }))).toEqual(['records 0-2']);
  });
});

describe('what readers do not see', () => {
  const DATA = { attributes: TRANSACTIONAL };
  const marker = (name: 'commit' | 'abort', baseOffset: number, producerId: bigint): Buffer =>
    changed(javaBatch(name).bytes, { baseOffset, producerId });
  const data = (baseOffset: number, producerId: bigint): Buffer => three(baseOffset, { ...DATA, producerId });

  test('markers, at any place, and control records of a kind that is not known', () => {
    const bytes = Buffer.concat([
      marker('commit', 0, 1n),
      three(1),
      marker('abort', 4, 1n),
      changed(javaBatch('leader change').bytes, { baseOffset: 5 }),
      three(6),
      marker('commit', 9, 1n),
    ]);
    expect(kinds(decode({ bytes }))).toEqual([
      'hidden 0-0',
      'records 1-3',
      'hidden 4-4',
      'hidden 5-5',
      'records 6-8',
      'hidden 9-9',
    ]);
  });

  test('aborted transactions of several producers, in whatever order the broker names them', () => {
    const bytes = Buffer.concat([
      data(0, 1n),
      data(3, 2n),
      data(6, 3n),
      three(9),
      marker('abort', 12, 2n),
      data(13, 2n),
      marker('commit', 16, 2n),
      marker('abort', 17, 1n),
      marker('commit', 18, 3n),
      data(19, 1n),
    ]);
    const aborted = [
      { producerId: 2n, firstOffset: 3 },
      { producerId: 1n, firstOffset: 0 },
    ];
    const visible = (found: readonly Found[]) => kinds(found).filter((line) => line.startsWith('records'));
    expect(visible(decode({ bytes, aborted }))).toEqual([
      'records 6-8',
      'records 9-11',
      'records 13-15',
      'records 19-21',
    ]);
    // From the middle: both are under way when the first record comes.
    expect(visible(decode({ bytes: bytes.subarray(three(0).length), from: 3, aborted }))).toEqual([
      'records 6-8',
      'records 9-11',
      'records 13-15',
      'records 19-21',
    ]);
  });

  test('a record whose key is that of a marker ends no transaction', () => {
    const key = Buffer.from([0, 0, 0, 0]);
    const record = Buffer.from([22, 0, 0, 0, 8, ...key, 2, 0x61, 0]);
    const faking = three(0, { ...DATA, producerId: 1n, recordCount: 1, lastOffsetDelta: 0, records: record });
    const aborted = [{ producerId: 1n, firstOffset: 0 }];
    const bytes = Buffer.concat([faking, data(1, 1n), marker('abort', 4, 1n)]);
    expect(kinds(decode({ bytes, aborted }))).toEqual(['hidden 0-0', 'hidden 1-3', 'hidden 4-4']);
    expect(kinds(decode({ bytes }))).toEqual(['records 0-0', 'records 1-3', 'hidden 4-4']);
  });

  test('a batch that compaction has emptied, and offsets that it has taken out', () => {
    const emptied = three(3, { recordCount: 0, lastOffsetDelta: 5, records: Buffer.alloc(0), attributes: CODEC.zstd });
    const thinned = three(9, { lastOffsetDelta: 40 });
    expect(kinds(decode({ bytes: Buffer.concat([three(0), emptied, thinned]) }))).toEqual([
      'records 0-2',
      'records 3-8',
      'records 9-49',
    ]);
    // From behind its last record that is left.
    expect(decode({ bytes: thinned, from: 30 })).toEqual([{ kind: 'records', first: 30, last: 49, records: [] }]);
  });
});

describe('how much is taken at once', () => {
  const { bytes } = javaBatch('zstd, 1000 records');

  test('so many records of a batch, and the rest with the next fetches', () => {
    const limits = { batchRecords: 400 };
    const seen: number[] = [];
    const spans: string[] = [];
    for (let from = 7; from < 1_007; ) {
      const found = decode({ bytes: Buffer.concat([bytes, three(2_000)]), from }, limits);
      seen.push(...recordsIn(found).map(({ offset }) => offset));
      spans.push(...kinds(found));
      from = (found.at(-1)?.last ?? Infinity) + 1;
    }
    expect(spans).toEqual(['records 7-406', 'records 407-806', 'records 807-1006', 'records 2000-2002']);
    expect(seen).toEqual([...Array.from({ length: 1_000 }, (_, index) => index + 7), 2_000, 2_001, 2_002]);
  });

  test('no batch behind the one that reaches the limit of the answer', () => {
    const batches = Buffer.concat([
      bytes,
      changed(bytes, { baseOffset: 1_007 }),
      changed(bytes, { baseOffset: 2_007 }),
    ]);
    expect(decode({ bytes: batches })).toHaveLength(3);
    expect(kinds(decode({ bytes: batches }, { answerBytes: 100_000 }))).toEqual([
      'records 7-1006',
      'records 1007-2006',
    ]);
    expect(kinds(decode({ bytes: batches }, { answerBytes: 1 }))).toEqual(['records 7-1006']);
  });
});
