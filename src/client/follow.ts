import type { Log, WatchOptions } from '../ports/log.js';
import { createHandledDeferred } from '../domain/deferred.js';

/** A watch of a topic whose state is in promises; they need not be awaited. */
export interface Following {
  /** Resolves when everything that was in the log at the start was delivered; rejects when it cannot be read. */
  readonly caughtUp: Promise<void>;
  /** Never resolves; rejects when the log cannot be read any more. */
  readonly failure: Promise<never>;
  stop(): Promise<void>;
}

/** Starts to read. Rejects when the topics cannot be watched. */
export async function follow(log: Pick<Log, 'watch'>, options: Omit<WatchOptions, 'onFatal'>): Promise<Following> {
  const caughtUp = createHandledDeferred<void>();
  const failure = createHandledDeferred<never>();
  const watch = await log.watch({
    ...options,
    onCaughtUp() {
      options.onCaughtUp?.();
      caughtUp.resolve();
    },
    onFatal(error) {
      failure.reject(error);
      caughtUp.reject(error);
    },
  });
  return { caughtUp: caughtUp.promise, failure: failure.promise, stop: () => watch.stop() };
}
