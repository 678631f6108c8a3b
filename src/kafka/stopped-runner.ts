import Runner from 'kafkajs/src/consumer/runner.js';

/** A fetcher of a consumer that was stopped asked for more. */
class ConsumerStopped extends Error {
  readonly code = 'consumer_stopped';
  readonly retriable = true;
}

let mended = false;

/**
 * kafkajs 2.2.4: a consumer that is stopped at the moment when the set of its brokers changes (one could not be reached)
 * makes new fetchers all the same, and those of a stopped consumer get nothing at once, again and again, without ever
 * leaving the microtask queue: the process hangs at full load, deaf even to signals. So a stopped consumer's fetch
 * fails, which ends the fetchers. (fetchManager.js start, runner.js fetch; a relative of tulios/kafkajs #1384.)
 */
export function endFetchersOfStoppedConsumers(): void {
  if (mended) return;
  mended = true;
  if (typeof Runner?.prototype?.fetch !== 'function') throw new TypeError('kafkajs is not the version that this was written for; install the one of package-lock.json');
  const { fetch } = Runner.prototype;
  Runner.prototype.fetch = async function (nodeId) {
    if (!this.running) throw new ConsumerStopped('the consumer was stopped');
    return fetch.call(this, nodeId);
  };
}
