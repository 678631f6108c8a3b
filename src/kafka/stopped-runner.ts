import Runner from 'ravenhelm-kafkajs/src/consumer/runner.js';
import { describeError } from '../domain/describe-error.js';
import { replaceMethod } from './replace-method.js';

/** A fetcher of a consumer that was stopped asked for more. */
class ConsumerStopped extends Error {
  readonly code = 'consumer_stopped';
  readonly retriable = true;
}

/**
 * kafkajs 2.2.4: a consumer that is stopped at the moment when the set of its brokers changes (one could not be
 * reached) makes new fetchers all the same, and those of a stopped consumer get nothing at once, again and again,
 * without ever leaving the microtask queue: the process hangs at full load, deaf even to signals. So a stopped
 * consumer's fetch fails, which ends the fetchers. (fetchManager.js start, runner.js fetch; a relative of
 * tulios/kafkajs #1384.)
 */
export function endFetchersOfStoppedConsumers(): void {
  replaceMethod(
    Runner?.prototype,
    'fetch',
    (fetch) =>
      async function (this: Runner, nodeId) {
        if (!this.running) throw new ConsumerStopped('the consumer was stopped');
        return fetch.call(this, nodeId);
      },
  );
}

/**
 * kafkajs 2.2.4: stop() does nothing to a runner that is just starting, and its consumer forgets it. It keeps
 * connecting and joining for as long as its retries last, and then holds partitions without reading them, and sends
 * heartbeats for them, until the process ends. So it leaves the group at the end of its start. (runner.js start and
 * stop, consumer/index.js stop.)
 */
export function leaveWhereStoppedWhileStarting(): void {
  const begun = new WeakSet<Runner>();
  const stoppedBefore = new WeakSet<Runner>();
  replaceMethod(
    Runner?.prototype,
    'stop',
    (stop) =>
      async function (this: Runner) {
        if (!begun.has(this)) stoppedBefore.add(this);
        return stop.call(this);
      },
  );
  replaceMethod(
    Runner?.prototype,
    'scheduleFetchManager',
    (schedule) =>
      function (this: Runner) {
        const mayBegin = !stoppedBefore.has(this);
        if (mayBegin) begun.add(this);
        else this.running = false;
        schedule.call(this);
        if (!mayBegin) void leave(this);
      },
  );
}

/** Never rejects: the group gives a member up that says nothing any more. */
async function leave({ consumerGroup, logger }: Runner): Promise<void> {
  for (const end of [() => consumerGroup.leave(), () => consumerGroup.cluster.disconnect()]) {
    await end().catch((error: unknown) =>
      logger.warn(`A consumer that was stopped while it started could not leave in order: ${describeError(error)}`),
    );
  }
}
