import { backoffMs } from '../domain/backoff.js';
import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { asError } from '../domain/as-error.js';
import type { Role } from '../roles/shared/role.js';
import type { RoleHealth } from '../roles/shared/role-health.js';
import { createHandledDeferred } from '../domain/deferred.js';
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

const RESTARTS = {
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
  const failed = createHandledDeferred<Error>();
  const started = createHandledDeferred<void>();
  let current: Beginning | null = null;
  /** When the current role had started; null before that. */
  let runningSinceMs: number | null = null;
  let everStarted = false;
  let pause: Timer | null = null;
  let closing: Promise<void> = Promise.resolve();
  let stopping = false;
  let failures = 0;

  function begin(): void {
    runningSinceMs = null;
    const role = create();
    const mine: Beginning = { role, started: role.start() };
    current = mine;
    const onFailed = (reason: unknown) => onFailure(mine, asError(reason));
    role.failed.then(onFailed, onFailed);
    mine.started.then(
      () => onStarted(mine),
      (reason: unknown) => onStartFailed(mine, asError(reason)),
    );
  }

  function onStarted(mine: Beginning): void {
    if (mine !== current) return;
    runningSinceMs = clock.monotonicMs();
    everStarted = true;
    started.resolve();
  }

  function onStartFailed(mine: Beginning, error: Error): void {
    if (everStarted || failures > 0 || saysThatItMayPass(error)) void onFailure(mine, error);
    else if (mine === current) started.reject(error); // whoever called start() stops what there is
  }

  /** A role can fail in more than one way at once; only the first one counts. */
  async function onFailure(mine: Beginning, error: Error): Promise<void> {
    if (stopping || mine !== current) return;
    current = null;
    const recovered = runningSinceMs !== null && clock.monotonicMs() - runningSinceMs >= RESTARTS.recoveredMs;
    failures = recovered ? 1 : failures + 1;
    closing = close(mine);
    await closing;
    if (!stopping) decide(error);
  }

  function decide(error: Error): void {
    if (!isRetriable(error)) return failed.resolve(new RoleFailed(name, null, error));
    if (failures >= RESTARTS.mostFailures) return failed.resolve(new RoleFailed(name, failures, error));
    const pauseMs = Math.round(backoffMs(failures, RESTARTS, random));
    logger.warn(
      { role: name, error, failures, most_failures: RESTARTS.mostFailures, pause_ms: pauseMs },
      'role.restarting',
    );
    pause = clock.setTimer(pauseMs, restart);
  }

  /** Stops a failed role once its start has ended: what a start opens after a stop, nobody would ever close. */
  async function close({ role, started: ended }: Beginning): Promise<void> {
    const abandoned = createHandledDeferred<void>();
    const timer = clock.setTimer(RESTARTS.stopMs, () => {
      logger.warn({ role: name, limit_ms: RESTARTS.stopMs }, 'role.stop_abandoned');
      abandoned.resolve();
    });
    const stopped = ended
      .catch(() => undefined) // why it failed has been told
      .then(() => role.stop(0))
      .catch((cause: unknown) => logger.warn({ role: name, error: cause }, 'role.stop_failed'));
    await Promise.race([stopped, abandoned.promise]);
    timer.cancel();
  }

  function restart(): void {
    onRestart?.();
    try {
      begin();
    } catch (error) {
      failures += 1; // it could not even be made
      decide(asError(error));
    }
  }

  async function start(): Promise<void> {
    begin();
    await Promise.race([
      started.promise,
      failed.promise.then((end) => {
        throw end;
      }),
    ]);
  }

  function health(): RoleHealth {
    if (current !== null) return current.role.health();
    return {
      missing: [`the ${name} is beginning anew after a failure (${failures} of ${RESTARTS.mostFailures} in a row)`],
      stalled: [],
      held: [],
    };
  }

  return {
    start,
    health,
    async stop(graceMs) {
      stopping = true;
      pause?.cancel();
      // The processes of a role that has just failed must be gone, too, before this one ends.
      await Promise.all([current?.role.stop(graceMs), closing]);
    },
    failed: failed.promise,
  };
}

/** A role, and the end of its start. */
interface Beginning {
  readonly role: Role;
  readonly started: Promise<void>;
}

/** An error that does not say may pass. */
function isRetriable(error: Error): boolean {
  return !('retriable' in error) || error.retriable !== false;
}

function saysThatItMayPass(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true;
}
