import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { asError, type Role } from '../roles/role.js';
import { createDeferred } from './deferred.js';

export interface SupervisedOptions {
  /** A new role with connections of its own; a failed one is never started again. */
  create(): Role;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Failures in a row before it is given up. */
const MOST_FAILURES = 6;
/** A role that ran for so long counts as recovered. */
const RECOVERED_MS = 60_000;

/**
 * A role that begins anew when it fails, after a growing pause: it re-reads the log, so nothing is lost by that.
 * `failed` resolves when it failed too often in a row or with an error that no retry heals.
 */
export function createSupervisedRole({ create, clock, logger }: SupervisedOptions): Role {
  const failed = createDeferred<Error>();
  let current: Role | null = null;
  let pause: Timer | null = null;
  let stopping = false;
  let failures = 0;

  async function begin(): Promise<void> {
    const role = create();
    current = role;
    const startedMs = clock.monotonicMs();
    role.failed.then((error) => onFailure(role, error, startedMs), (error: unknown) => onFailure(role, asError(error), startedMs));
    await role.start();
  }

  async function onFailure(role: Role, error: Error, startedMs: number): Promise<void> {
    if (stopping || role !== current) return;
    current = null;
    failures = clock.monotonicMs() - startedMs >= RECOVERED_MS ? 1 : failures + 1;
    await role.stop(0).catch((cause: unknown) => logger.warn({ error: cause }, 'role.stop_failed'));
    if (stopping) return;
    if (!isRetriable(error) || failures >= MOST_FAILURES) return failed.resolve(error);
    const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
    logger.warn({ error, failures, pause_ms: pauseMs }, 'role.restarting');
    pause = clock.setTimer(pauseMs, () => void restart());
  }

  async function restart(): Promise<void> {
    const startedMs = clock.monotonicMs();
    try {
      await begin();
    } catch (error) {
      if (current !== null) await onFailure(current, asError(error), startedMs);
    }
  }

  return {
    start: begin,
    async stop(graceMs) {
      stopping = true;
      pause?.cancel();
      await current?.stop(graceMs);
    },
    failed: failed.promise,
  };
}

/** An error that does not say may pass. */
function isRetriable(error: Error): boolean {
  return !('retriable' in error) || error.retriable !== false;
}
