import { jest } from '@jest/globals';
import createRequest, {
  type ProduceArguments,
  type ProducedMessage,
} from 'ravenhelm-kafkajs/src/protocol/requests/produce/v3/request.js';
import { encodeProduce } from '../../src/kafka/produce-request.js';

const NOW = 1_795_680_000_123;
const record: ProducedMessage = {
  key: 'mission/task',
  value: Buffer.from('the event'),
  headers: { event_type: 'task_completed', mission_id: '20261123-141502-417-p05-x7k2', traceparent: '00-abc' },
};
const inOne = (...messages: readonly ProducedMessage[]): ProduceArguments['topicData'] => [
  { topic: 'squad', partitions: [{ partition: 0, messages }] },
];

beforeEach(() => jest.spyOn(Date, 'now').mockReturnValue(NOW));
afterEach(() => jest.restoreAllMocks());

const cases: readonly [string, ProduceArguments['topicData']][] = [
  ['one record', inOne(record)],
  ['a record without key', inOne({ ...record, key: null }, { value: record.value })],
  ['a record without value', inOne({ ...record, value: null })],
  [
    'a record without headers',
    inOne({ key: 'k', value: Buffer.from('v') }, { key: 'k', value: Buffer.from('v'), headers: {} }),
  ],
  [
    'headers of bytes, and several of one name',
    inOne({ ...record, headers: { bytes: Buffer.from([0, 255, 128]), empty: '', twice: ['one', Buffer.from('two')] } }),
  ],
  [
    'text that is longer in UTF-8',
    inOne({ key: 'schlüssel/😀', value: 'größer', headers: { überschrift: 'ä'.repeat(100) } }),
  ],
  ['an empty value', inOne({ key: '', value: Buffer.alloc(0) })],
  [
    'lengths at which their own size changes',
    inOne(
      ...[63, 64, 65, 8_191, 8_192, 1_048_575, 1_048_576].map((length) => ({
        key: 'k',
        value: Buffer.alloc(length, 7),
      })),
    ),
  ],
  [
    'so many that offsets need two bytes',
    inOne(...Array.from({ length: 300 }, (_, index) => ({ ...record, key: `key ${index}` }))),
  ],
  [
    'several topics and partitions',
    [
      {
        topic: 'squad.coordination',
        partitions: [
          { partition: 11, messages: [record, record] },
          { partition: 0, messages: [record] },
        ],
      },
      { topic: 'squad.tasks.cert_agent', partitions: [{ partition: 3, messages: [record] }] },
    ],
  ],
  ['nothing', []],
];

test.each(cases)('a produce request of %s is, byte for byte, what kafkajs makes of it', async (_, topicData) => {
  const args = { acks: -1, timeout: 10_000, topicData };
  const theirs = await createRequest(args).encode();
  expect(encodeProduce(args, NOW).buffer.equals(theirs.buffer)).toBe(true);
});
