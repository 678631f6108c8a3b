import { jest } from '@jest/globals';
import { describeLogContract } from '../contract/log-contract.js';
import { describeWithBroker } from '../support/broker.js';
import { createKafkaUnderTest } from './kafka-under-test.js';

jest.setTimeout(60_000);

const CODECS = ['gzip', 'snappy', 'lz4', 'zstd'];
const ofAll = (codec: string) => ({ 'compression.type': codec });

/** Brokers compress what they are sent, as the topic says: what comes back is not what this process has written. */
describeWithBroker('Kafka, with topics that brokers compress', () => {
  // A minute each, so that npm run test:slow runs all of it with each codec.
  if (process.env['RAVENHELM_TEST_EVERY_CODEC'] === '1')
    for (const codec of CODECS)
      describeLogContract(`the log on topics of compression.type ${codec}`, () =>
        createKafkaUnderTest(() => ofAll(codec)),
      );
  else {
    const codecs = new Map<string, string>();
    const codecOf = (topic: string): string => {
      const codec = codecs.get(topic) ?? CODECS[codecs.size % CODECS.length] ?? '';
      codecs.set(topic, codec);
      return codec;
    };
    describeLogContract('the log on topics each of which has the next compression.type', () =>
      createKafkaUnderTest((topic) => ofAll(codecOf(topic))),
    );
    test('each of the four was used, several times', () => expect(codecs.size).toBeGreaterThan(CODECS.length * 3));
  }
});
