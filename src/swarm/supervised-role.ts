import type { Clock, Timer } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { asError } from '../domain/as-error.js';
import type { Role } from '../roles/shared/role.js';
import type { RoleHealth } from '../roles/shared/role-health.js';
import { createHandledDeferred } from '../domain/deferred.js';
import { RoleFailed } from './role-failed.js';
import { NOT_STARTED, RESTARTS, supervise, type SupervisionAction, type SupervisionInput } from './supervision.js';

export interface SupervisedOptions {
  /** Such as worker; used in messages and log lines. */
  readonly name: string;
  /** A new role with its own connections; a failed one is never started again. */
  create(): Role;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** A failed role is about to be replaced. */
  onRestart?(): void;
}

/** How long a failed role may take to close what it has; a broker that is gone never answers. */
const STOP_MS = 15_000;

/**
 * A role that is replaced when it fails, after a growing pause with jitter: the next one re-reads the log, so nothing
 * is lost by that. `failed` resolves with RoleFailed when it failed too often in a row, or at once with an error that
 * no restart can fix. A first start that fails is repeated only when the error says that it may pass; any other
 * rejects start().
 */
export function createSupervisedRole(options: SupervisedOptions): Role {
  const { name, clock, random } = options;
  const failed = createHandledDeferred<Error>();
  const started = createHandledDeferred<void>();
  let state = NOT_STARTED;
  let latest: Beginning | null = null;
  let created = 0;
  let pause: Timer | null = null;
  let closing: Promise<void> = Promise.resolve();

  function handle(input: SupervisionInput): void {
    const next = supervise(state, input);
    state = next.state;
    next.actions.forEach(act);
  }

  function act(action: SupervisionAction): void {
    if (action.kind === 'resolve_start') started.resolve();
    else if (action.kind === 'reject_start') started.reject(action.error);
    else if (action.kind === 'give_up') failed.resolve(new RoleFailed(name, action.failures, action.error));
    else if (action.kind === 'restart') pause = restartLater(options, action, begin, handle);
    else if (latest !== null) {
      closing = close(options, latest);
      void closing.then(() => handle({ kind: 'closed', error: action.error, chance: random() }));
    }
  }

  function begin(): void {
    const role = options.create();
    latest = { role, started: role.start() };
    const number = ++created;
    handle({ kind: 'created', role: number });
    observe(latest, number, clock, handle);
  }

  const current = (): Role | null => (state.current === null ? null : (latest?.role ?? null));
  return {
    async start() {
      begin();
      await Promise.race([started.promise, failed.promise.then((end) => Promise.reject(end))]);
    },
    health: () => current()?.health() ?? restartingHealth(name, state.failures),
    readings: () => current()?.readings() ?? [],
    async stop(graceMs) {
      handle({ kind: 'stop' });
      pause?.cancel();
      // The processes of a role that has just failed must be gone, too, before this one ends.
      await Promise.all([current() === null || latest === null ? null : stopStarted(latest, graceMs), closing]);
    },
    failed: failed.promise,
  };
}

/** A role, and the end of its start. */
interface Beginning {
  readonly role: Role;
  readonly started: Promise<void>;
}

type Handle = (input: SupervisionInput) => void;

function observe({ role, started }: Beginning, number: number, clock: Clock, handle: Handle): void {
  const nowMs = () => clock.monotonicMs();
  const onFailed = (reason: unknown) =>
    handle({ kind: 'failed', role: number, error: asError(reason), nowMs: nowMs() });
  role.failed.then(onFailed, onFailed);
  started.then(
    () => handle({ kind: 'started', role: number, nowMs: nowMs() }),
    (reason: unknown) => handle({ kind: 'start_failed', role: number, error: asError(reason), nowMs: nowMs() }),
  );
}

function restartLater(
  { name, clock, random, logger, onRestart }: SupervisedOptions,
  { pauseMs, failures, error }: Extract<SupervisionAction, { kind: 'restart' }>,
  begin: () => void,
  handle: Handle,
): Timer {
  logger.warn(
    { role: name, error, failures, most_failures: RESTARTS.mostFailures, pause_ms: pauseMs },
    'role.restarting',
  );
  return clock.setTimer(pauseMs, () => {
    onRestart?.();
    try {
      begin();
    } catch (cause) {
      handle({ kind: 'not_created', error: asError(cause), chance: random() });
    }
  });
}

/**
 * Stops a role once its start has ended: what a start opens after a stop would never be closed. A member that joins its
 * group then would hold partitions that stay unread.
 */
async function stopStarted({ role, started }: Beginning, graceMs: number): Promise<void> {
  await started.catch(() => undefined); // start() has rejected with it
  await role.stop(graceMs);
}

async function close({ name, clock, logger }: SupervisedOptions, failed: Beginning): Promise<void> {
  const abandoned = createHandledDeferred<void>();
  const timer = clock.setTimer(STOP_MS, () => {
    logger.warn({ role: name, limit_ms: STOP_MS }, 'role.stop_abandoned');
    abandoned.resolve();
  });
  const stopped = stopStarted(failed, 0).catch((cause: unknown) =>
    logger.warn({ role: name, error: cause }, 'role.stop_failed'),
  );
  await Promise.race([stopped, abandoned.promise]);
  timer.cancel();
}

function restartingHealth(name: string, failures: number): RoleHealth {
  return {
    missing: [`the ${name} is being restarted after a failure (${failures} of ${RESTARTS.mostFailures} in a row)`],
    stalled: [],
    held: [],
  };
}
