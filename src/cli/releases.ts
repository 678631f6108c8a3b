import type { Logger } from '../ports/logger.js';

/** What was acquired, to be released in reverse order. */
export interface Releases {
  /** name stands in the log when releasing fails. */
  add(name: string, release: () => Promise<void>): void;
  /** Releases everything, the last first. What fails is logged and does not keep the rest from being released. */
  all(): Promise<void>;
}

export function createReleases(logger: Logger): Releases {
  const pending: { readonly name: string; release(): Promise<void> }[] = [];
  return {
    add(name, release) {
      pending.push({ name, release });
    },
    async all() {
      for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
        try {
          await next.release();
        } catch (error) {
          logger.warn({ error, released: next.name }, 'release.failed');
        }
      }
    },
  };
}
