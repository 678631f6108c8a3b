import { backoffMs } from '../domain/backoff.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { asError, type Role } from '../roles/role.js';
import type { RoleHealth } from '../roles/role-health.js';
import { createDeferred } from './deferred.js';
import { RoleFailed } from './role-failed.js';

export interface SupervisedOptions {
  /** Such as worker; stands in messages and log lines. */
  readonly name: string;
  /** A new role with connections of its own; a failed one is never started again. */
  create(): Role;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** A failed role is about to begin anew. */
  onRestart?(): void;
}

export const RESTARTS = {
  baseMs: 1_000,
  maxMs: 15_000,
  /** Failures in a row before it is given up. */
  mostFailures: 6,
  /** A role that ran for so long after its start is forgiven its earlier failures. */
  recoveredMs: 60_000,
  /** How long a failed role may take to close what it has; a broker that is gone answers nobody. */
  stopMs: 15_000,
} as const;

/**
 * A role that begins anew when it fails, after a growing pause with jitter: it re-reads the log, so nothing is lost by
 * that. `failed` resolves with RoleFailed when it failed too often in a row, or at once with an error that no restart
 * heals. A first start that fails is begun anew only when the error says that it may pass; what else is wrong from the
 * beginning rejects start().
 */
export function createSupervisedRole({ name, create, clock, random, logger, onRestart }: SupervisedOptions): Role {
  const failed = createDeferred<Error>();
  const started = createDeferred<void>();
  let current: Role | null = null;
  /** When the current role had started; null before that. */
  let runningSinceMs: number | null = null;
  let pause: Timer | null = null;
  let stopping = false;
  let failures = 0;

  async function begin(): Promise<void> {
    runningSinceMs = null;
    const role = create();
    current = role;
    role.failed.then((error) => onFailure(role, error), (error: unknown) => onFailure(role, asError(error)));
    await role.start();
    if (role !== current) return;
    runningSinceMs = clock.monotonicMs();
    started.resolve();
  }

  async function onFailure(role: Role, error: Error): Promise<void> {
    if (stopping || role !== current) return;
    current = null;
    const recovered = runningSinceMs !== null && clock.monotonicMs() - runningSinceMs >= RESTARTS.recoveredMs;
    failures = recovered ? 1 : failures + 1;
    await stopFailed(role);
    if (!stopping) decide(error);
  }

  function decide(error: Error): void {
    if (!isRetriable(error)) return failed.resolve(new RoleFailed(name, null, error));
    if (failures >= RESTARTS.mostFailures) return failed.resolve(new RoleFailed(name, failures, error));
    const pauseMs = Math.round(backoffMs(failures, RESTARTS, random));
    logger.warn({ role: name, error, failures, most_failures: RESTARTS.mostFailures, pause_ms: pauseMs }, 'role.restarting');
    pause = clock.setTimer(pauseMs, () => void restart());
  }

  async function stopFailed(role: Role): Promise<void> {
    const abandoned = createDeferred<void>();
    const timer = clock.setTimer(RESTARTS.stopMs, () => {
      logger.warn({ role: name, limit_ms: RESTARTS.stopMs }, 'role.stop_abandoned');
      abandoned.resolve();
    });
    const stopped = role.stop(0).catch((cause: unknown) => logger.warn({ role: name, error: cause }, 'role.stop_failed'));
    await Promise.race([stopped, abandoned.promise]);
    timer.cancel();
  }

  async function restart(): Promise<void> {
    onRestart?.();
    try {
      await begin();
    } catch (error) {
      if (current !== null) return onFailure(current, asError(error));
      failures += 1; // it could not even be made
      decide(asError(error));
    }
  }

  async function start(): Promise<void> {
    try {
      await begin();
    } catch (error) {
      if (current === null || !saysThatItMayPass(error)) throw error;
      await onFailure(current, asError(error));
      await Promise.race([started.promise, failed.promise.then((end) => { throw end; })]);
    }
  }

  function health(): RoleHealth {
    if (current !== null) return current.health();
    return { missing: [`the ${name} is beginning anew after a failure (${failures} of ${RESTARTS.mostFailures} in a row)`], stalled: [], held: [] };
  }

  return {
    start,
    health,
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

function saysThatItMayPass(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true;
}
