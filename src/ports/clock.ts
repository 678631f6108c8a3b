/** Time comes in through this port, so that a simulation can control it. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. For timestamps only. */
  now(): number;
  /** Milliseconds of a monotonic clock. For durations and deadlines. */
  monotonicMs(): number;
  /** Calls back once, after at least delayMs. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** Resolves after delayMs milliseconds; rejects with the signal's reason as soon as it is aborted. */
export function pause(clock: Pick<Clock, 'setTimer'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

export interface Ids {
  /** A new UUID. */
  uuid(): string;
}
