import { jest } from '@jest/globals';
import { describeLogContract } from '../contract/log-contract.js';
import { describeWithBroker } from '../support/broker.js';
import { createKafkaUnderTest } from './kafka-under-test.js';

jest.setTimeout(60_000);

describeWithBroker('Kafka', () => {
  describeLogContract('the log on Kafka', () => createKafkaUnderTest());
});
