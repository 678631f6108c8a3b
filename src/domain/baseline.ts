/**
 * What was there before a task's first step: whether its checks passed already, in the workspace and in an empty
 * directory, and the digests of the files that it must not change. The first step's tool_called carries it, so that it
 * is known before anything can have changed, and to every holder of the partition.
 */
import type { Check, CheckResult } from './events.js';
import { jsonObject } from './json-object.js';
import { isStaticCheck } from './static-check.js';
import type { TaskAttempt } from './task-partition.js';

export interface Baseline {
  /** One for each check of the task, in order. */
  readonly checks: readonly CheckBaseline[];
  readonly protected: readonly ProtectedPath[];
}

/** Exit codes; BASELINE_TIMED_OUT or NOT_RUN where there is none. A command's own 124 is written as 1. */
export interface CheckBaseline {
  readonly workspace: number;
  readonly empty: number;
  /** What the policy decided about running it before the first step; absent: no policy, or an older build. */
  readonly decision?: 'allow' | 'ask' | 'deny';
  readonly rule?: string;
}

export interface ProtectedPath {
  /** Relative to the workspace. */
  readonly path: string;
  /** sha256 over everything that is there, hex; null: nothing is there. */
  readonly digest: string | null;
}

export const NOT_RUN = -1;
/** Of a check that had not ended after BASELINE_LIMIT_MS: whether it would have passed is not known. */
export const BASELINE_TIMED_OUT = 124;
/** Of a check that was run in neither place. */
export const NOTHING_KNOWN: CheckBaseline = { workspace: NOT_RUN, empty: NOT_RUN };
/** Each check has so long, in the workspace and in an empty directory. */
export const BASELINE_LIMIT_MS = 10_000;

/** not_known: it could not be found out in time whether it passed before. */
export type Verdict = 'vacuous' | 'held_before' | 'not_known';

/** As tool_called.baseline has it. */
export function encodeBaseline(baseline: Baseline): string {
  return JSON.stringify(baseline);
}

/** The baseline that an attempt's journal has; null: none, or one that this build cannot read. */
export function baselineOf({ steps }: TaskAttempt): Baseline | null {
  const text = steps[0]?.call.baseline ?? null;
  return text === null ? null : decodeBaseline(text);
}

/** null for a text that encodeBaseline has not written, such as one of another build. */
export function decodeBaseline(text: string): Baseline | null {
  const value: unknown = jsonObject(text);
  return isBaseline(value) ? value : null;
}

function isBaseline(value: unknown): value is Baseline {
  return (
    hasLists(value) &&
    value.checks.every((check) => isObject(check) && isNumber(check['workspace']) && isNumber(check['empty'])) &&
    value.protected.every(
      (entry) =>
        isObject(entry) &&
        typeof entry['path'] === 'string' &&
        (entry['digest'] === null || typeof entry['digest'] === 'string'),
    )
  );
}

const isNumber = (value: unknown): boolean => typeof value === 'number';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
const hasLists = (value: unknown): value is { checks: readonly unknown[]; protected: readonly unknown[] } =>
  isObject(value) && Array.isArray(value['checks']) && Array.isArray(value['protected']);

/**
 * What the baseline says of a check that passes at the end; null: it did not pass before the work.
 * @param before undefined: it is not known; then only the check's form counts
 */
export function verdictOn(check: Check, before: CheckBaseline | undefined): Verdict | null {
  if (isStaticCheck(check.command)) return 'vacuous';
  if (before?.workspace === 0) return before.empty === 0 ? 'vacuous' : 'held_before';
  if (before?.workspace !== NOT_RUN && before?.workspace !== BASELINE_TIMED_OUT) return null;
  // It needs nothing of the workspace, and is not known to have ever failed there.
  if (before.empty === 0) return 'vacuous';
  return before.workspace === BASELINE_TIMED_OUT || before.empty === BASELINE_TIMED_OUT ? 'not_known' : null;
}

/** Whether a check was run in neither place. */
export const isUnknown = ({ workspace, empty }: CheckBaseline): boolean => workspace === NOT_RUN && empty === NOT_RUN;

/** Whether a check that took too long in an empty directory may turn out to need nothing of the workspace. */
export const isTooSlow = ({ workspace, empty }: CheckBaseline): boolean =>
  empty === BASELINE_TIMED_OUT && (workspace === 0 || workspace === BASELINE_TIMED_OUT);

/** Whether passed checks prove their task: at least one of them could have failed. */
export function provesTask(checks: readonly CheckResult[]): boolean {
  return checks.some((check) => check.baseline !== 'vacuous');
}

/** Whether passed checks show no more than what was so before the work. */
export function heldBefore(checks: readonly CheckResult[]): boolean {
  return provesTask(checks) && checks.every(({ baseline }) => baseline === 'held_before' || baseline === 'vacuous');
}

/** Whether no passed check is known to have failed before the work, and of one that is not known. */
export function notKnownBefore(checks: readonly CheckResult[]): boolean {
  return checks.every(({ baseline }) => baseline !== null) && checks.some(({ baseline }) => baseline === 'not_known');
}
