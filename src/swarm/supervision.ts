/** When a failed role is replaced and when it is given up: state, input → state, actions. No time, chance or effect. */
import { backoffMs } from '../domain/backoff.js';

export const RESTARTS = {
  baseMs: 1_000,
  maxMs: 15_000,
  /** Failures in a row before it is given up. */
  mostFailures: 6,
  /** A role that ran for so long after its start is forgiven its earlier failures. */
  recoveredMs: 60_000,
} as const;

export interface Supervision {
  /** Number of the role that is starting or running; null while there is none. */
  readonly current: number | null;
  /** When the current role had started; null before that. */
  readonly runningSinceMs: number | null;
  /** In a row. */
  readonly failures: number;
  readonly isStopped: boolean;
}

export type SupervisionInput =
  | { readonly kind: 'created'; readonly role: number }
  | { readonly kind: 'started'; readonly role: number; readonly nowMs: number }
  | { readonly kind: 'start_failed'; readonly role: number; readonly error: Error; readonly nowMs: number }
  | { readonly kind: 'failed'; readonly role: number; readonly error: Error; readonly nowMs: number }
  /** The failed role has closed what it had, or was abandoned. chance: at least 0 and below 1. */
  | { readonly kind: 'closed'; readonly error: Error; readonly chance: number }
  /** The next role could not be created. */
  | { readonly kind: 'not_created'; readonly error: Error; readonly chance: number }
  | { readonly kind: 'stop' };

export type SupervisionAction =
  | { readonly kind: 'resolve_start' }
  | { readonly kind: 'reject_start'; readonly error: Error }
  /** Close the role that has just failed. */
  | { readonly kind: 'close'; readonly error: Error }
  /** Create the next role after a pause. */
  | { readonly kind: 'restart'; readonly pauseMs: number; readonly failures: number; readonly error: Error }
  /** failures: in a row; null when the error is one that a restart cannot fix. */
  | { readonly kind: 'give_up'; readonly failures: number | null; readonly error: Error };

export interface Supervised {
  readonly state: Supervision;
  readonly actions: readonly SupervisionAction[];
}

export const NOT_STARTED: Supervision = { current: null, runningSinceMs: null, failures: 0, isStopped: false };

export function supervise(state: Supervision, input: SupervisionInput): Supervised {
  switch (input.kind) {
    case 'created':
      return { state: { ...state, current: input.role, runningSinceMs: null }, actions: [] };
    case 'started':
      if (input.role !== state.current) return unchanged(state);
      return { state: { ...state, runningSinceMs: input.nowMs }, actions: [{ kind: 'resolve_start' }] };
    case 'start_failed':
      if (state.failures > 0 || saysThatItMayPass(input.error)) return onFailure(state, input);
      // The caller of start() stops what there is.
      if (input.role !== state.current) return unchanged(state);
      return { state, actions: [{ kind: 'reject_start', error: input.error }] };
    case 'failed':
      return onFailure(state, input);
    case 'closed':
      return state.isStopped ? unchanged(state) : decide(state, input);
    case 'not_created':
      return state.isStopped ? unchanged(state) : decide({ ...state, failures: state.failures + 1 }, input);
    case 'stop':
      return unchanged({ ...state, isStopped: true });
  }
}

interface Failure {
  readonly role: number;
  readonly error: Error;
  readonly nowMs: number;
}

/** A role can fail in more than one way at once; only the first one counts. */
function onFailure(state: Supervision, { role, error, nowMs }: Failure): Supervised {
  if (state.isStopped || role !== state.current) return unchanged(state);
  const isRecovered = state.runningSinceMs !== null && nowMs - state.runningSinceMs >= RESTARTS.recoveredMs;
  const failures = isRecovered ? 1 : state.failures + 1;
  return { state: { ...state, current: null, runningSinceMs: null, failures }, actions: [{ kind: 'close', error }] };
}

function decide(state: Supervision, { error, chance }: { readonly error: Error; readonly chance: number }): Supervised {
  const { failures } = state;
  if (!isRetriable(error)) return { state, actions: [{ kind: 'give_up', failures: null, error }] };
  if (failures >= RESTARTS.mostFailures) return { state, actions: [{ kind: 'give_up', failures, error }] };
  const pauseMs = Math.round(backoffMs(failures, RESTARTS, () => chance));
  return { state, actions: [{ kind: 'restart', pauseMs, failures, error }] };
}

const unchanged = (state: Supervision): Supervised => ({ state, actions: [] });

/** An error that does not say may pass. */
function isRetriable(error: Error): boolean {
  return !('retriable' in error) || error.retriable !== false;
}

function saysThatItMayPass(error: Error): boolean {
  return 'retriable' in error && error.retriable === true;
}
