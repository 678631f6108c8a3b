import RequestQueue from 'ravenhelm-kafkajs/src/network/requestQueue/index.js';
import { replaceMethod } from './replace-method.js';

/**
 * kafkajs 2.2.4: from its first answer on the request queue of every connection sets a timer of a millisecond, whether
 * or not anything waits in it, again and again (tulios/kafkajs #1704, #1556; the fix of #1667 was never merged). With
 * the connections of a worker that is some thirty thousand timers a second. So nothing is scheduled where nothing
 * waits: what comes later is sent at once, or schedules the look for itself. (network/requestQueue/index.js
 * scheduleCheckPendingRequests.)
 */
export function skipIdleQueueTimers(): void {
  lookForTimeoutsSeldom();
  replaceMethod(
    RequestQueue?.prototype,
    'scheduleCheckPendingRequests',
    (schedule) =>
      function (this: RequestQueue) {
        if (this.pending.length > 0) schedule.call(this);
      },
  );
}

const SECOND_MS = 1_000;

/**
 * Every connection looks ten times a second whether its requests have run out of time, which they have after seconds
 * (scheduleRequestTimeoutCheck). With the connections of a worker for twelve agents that wakes an idle process three
 * hundred times a second; once a second is enough. And it ends the looking as soon as the connection is to be closed,
 * which waits for the answers: a broker that does not answer any more would keep it waiting forever.
 */
function lookForTimeoutsSeldom(): void {
  replaceMethod(
    RequestQueue?.prototype,
    'scheduleRequestTimeoutCheck',
    () =>
      function (this: RequestQueue) {
        if (!this.enforceRequestTimeout) return;
        this.destroy();
        this.requestTimeoutIntervalId = setInterval(
          () => {
            for (const request of this.inflight.values())
              if (Date.now() - request.sentAt > request.requestTimeout) request.timeoutRequest();
            if (!this.isConnected() && this.inflight.size === 0) this.destroy();
          },
          Math.min(this.requestTimeout, SECOND_MS),
        );
      },
  );
}
