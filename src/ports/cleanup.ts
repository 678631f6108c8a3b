import { createHandledDeferred } from '../domain/deferred.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';

/** What was acquired, to be released in reverse order. */
export interface Cleanup {
  /** name is in the log event when releasing fails. */
  add(name: string, release: () => Promise<void>): void;
  /**
   * Releases everything, the last first. What fails is logged and does not keep the rest from being released. Waits no
   * longer than the limit: a broker that is gone never answers, and the process must still end.
   */
  all(limitMs: number): Promise<void>;
}

export function createCleanup({ logger, clock }: { readonly logger: Logger; readonly clock: Clock }): Cleanup {
  const pending: { readonly name: string; release(): Promise<void> }[] = [];
  return {
    add(name, release) {
      pending.push({ name, release });
    },
    async all(limitMs) {
      const tooLong = createHandledDeferred<void>();
      const timer = clock.setTimer(limitMs, () => {
        logger.warn({ limit_ms: limitMs }, 'release.abandoned');
        tooLong.resolve();
      });
      await Promise.race([releaseInTurn(), tooLong.promise]);
      timer.cancel();
    },
  };

  async function releaseInTurn(): Promise<void> {
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      try {
        await next.release();
      } catch (error) {
        logger.warn({ error, released: next.name }, 'release.failed');
      }
    }
  }
}
