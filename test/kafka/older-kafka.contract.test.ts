import { jest } from '@jest/globals';
import { describeLogContract } from '../contract/log-contract.js';
import { describeWithOlderBroker, olderKafka, startOlderBroker, type OlderBroker } from '../support/older-broker.js';
import { createKafkaUnderTest } from './kafka-under-test.js';

jest.setTimeout(60_000);

/** The last line of Kafka 3; that of Kafka 4 is what the other tests run on. */
describeWithOlderBroker(`Kafka ${olderKafka}`, () => {
  let broker: OlderBroker;
  beforeAll(async () => {
    broker = await startOlderBroker();
  }, 300_000);
  afterAll(() => broker?.stop());

  describeLogContract(`the log on Kafka ${olderKafka}`, () => createKafkaUnderTest(undefined, broker.brokers));
});
