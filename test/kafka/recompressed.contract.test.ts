import { jest } from '@jest/globals';
import { describeLogContract } from '../contract/log-contract.js';
import { describeWithBroker } from '../support/broker.js';
import { createKafkaUnderTest } from './kafka-under-test.js';

jest.setTimeout(60_000);

/** Brokers compress what they are sent, as the topic says: what comes back is not what this process has written. */
describeWithBroker('Kafka, with topics that brokers compress', () => {
  for (const codec of ['gzip', 'snappy', 'lz4', 'zstd'])
    describeLogContract(`the log on topics of compression.type ${codec}`, () =>
      createKafkaUnderTest({ 'compression.type': codec }),
    );
});
