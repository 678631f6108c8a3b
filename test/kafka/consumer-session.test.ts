import { KafkaJSConnectionError, type Consumer } from 'ravenhelm-kafkajs';
import { createConsumerSession } from '../../src/kafka/consumer-session.js';
import { BrokerFailed } from '../../src/kafka/errors.js';
import type { Clock } from '../../src/ports/clock.js';
import { silentLogger } from './kafka-under-test.js';

test('a join that fails leaves no timer behind, and says what failed', async () => {
  const timers = new Set<object>();
  const clock: Clock = {
    now: () => 0,
    monotonicMs: () => 0,
    setTimer() {
      const timer = { cancel: () => void timers.delete(timer) };
      timers.add(timer);
      return timer;
    },
  };
  let mostTimers = 0;
  const scripted: unknown = {
    events: {},
    on: () => undefined,
    connect: async () => undefined,
    subscribe: async () => undefined,
    disconnect: async () => undefined,
    async run() {
      mostTimers = timers.size;
      throw new KafkaJSConnectionError('Connection closed');
    },
  };
  const session = createConsumerSession(
    { consumer: scripted as Consumer, groupId: 'g', topics: ['t'], clock, logger: silentLogger },
    { feed: () => undefined, onBatch: () => true, onIdle: () => undefined, room: () => null },
  );
  await expect(session.start()).rejects.toThrow(BrokerFailed);
  expect(mostTimers).toBe(1);
  expect(timers.size).toBe(0);
});
