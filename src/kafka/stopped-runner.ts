import Runner from 'kafkajs/src/consumer/runner.js';
import { replaceMethod } from './replace-method.js';

/** A fetcher of a consumer that was stopped asked for more. */
class ConsumerStopped extends Error {
  readonly code = 'consumer_stopped';
  readonly retriable = true;
}

/**
 * kafkajs 2.2.4: a consumer that is stopped at the moment when the set of its brokers changes (one could not be reached)
 * makes new fetchers all the same, and those of a stopped consumer get nothing at once, again and again, without ever
 * leaving the microtask queue: the process hangs at full load, deaf even to signals. So a stopped consumer's fetch
 * fails, which ends the fetchers. (fetchManager.js start, runner.js fetch; a relative of tulios/kafkajs #1384.)
 */
export function endFetchersOfStoppedConsumers(): void {
  replaceMethod(Runner?.prototype, 'fetch', (fetch) => async function (this: Runner, nodeId) {
    if (!this.running) throw new ConsumerStopped('the consumer was stopped');
    return fetch.call(this, nodeId);
  });
}
