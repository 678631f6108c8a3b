/**
 * The baseline of checks that could not run before the first step, such as those that a person has to approve, or that
 * took too long there: taken with the finish that runs them, before what it says counts.
 */
import { FINISH } from '../../agent/step.js';
import {
  BASELINE_LIMIT_MS,
  BASELINE_TIMED_OUT,
  isTooSlow,
  isUnknown,
  NOT_RUN,
  verdictOn,
  type Baseline,
  type CheckBaseline,
} from '../../domain/baseline.js';
import type { CheckRecord } from '../../domain/events.js';
import { isStaticCheck } from '../../domain/static-check.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { CheckRun, EmptyCall, ToolExecutor } from '../../ports/tools.js';
import { isStopped } from './call-verdict.js';

export interface LateBaselineDeps {
  readonly tools: Pick<ToolExecutor, 'runInEmpty'>;
  current(): TaskAttempt;
  /** Aborted when running tools must stop. */
  readonly acting: AbortSignal;
}

/**
 * What a finish's checks have said, each with what was so before. Where one has failed, nothing more is run.
 * @param call how those run that are run in an empty directory now
 */
export async function judgeResults(
  { tools, current, acting }: LateBaselineDeps,
  { passed, results }: CheckRun,
  before: Baseline | null,
  call: Omit<EmptyCall, 'checks'>,
): Promise<readonly CheckRecord[]> {
  const lateOf = (result: CheckRecord, at: number): Late[] => {
    const known = before?.checks[at];
    if (known === undefined || isStaticCheck(result.command)) return [];
    return isUnknown(known) || isTooSlow(known) || known.workspace === BASELINE_TIMED_OUT ? [{ result, known }] : [];
  };
  const late = passed ? results.flatMap(lateOf) : [];
  const toRun = late.filter(({ known }) => isUnknown(known) || isTooSlow(known)).map(({ result }) => result);
  const timeLimitMs = limitOf(toRun, call);
  const codes = toRun.length === 0 ? [] : await tools.runInEmpty({ ...call, timeLimitMs, checks: toRun }, acting);
  const untouched = isUntouched(current());
  const found = new Map(
    late.map(({ result, known }) => {
      const again = toRun.indexOf(result);
      const earlier = known.workspace === 0 ? 0 : (failedBefore(current(), result) ?? known.workspace);
      return [
        result,
        {
          workspace: untouched ? result.exit_code : earlier,
          empty: again === -1 ? known.empty : (codes[again] ?? NOT_RUN),
        },
      ];
    }),
  );
  return results.map((result, at) => ({
    ...result,
    baseline: verdictOn(result, found.get(result) ?? before?.checks[at]),
  }));
}

interface Late {
  readonly result: CheckRecord;
  readonly known: CheckBaseline;
}

/** Of each check: more than it has just taken, and all of them together leave the attempt its time. */
function limitOf(checks: readonly CheckRecord[], { timeLimitMs, limits }: Omit<EmptyCall, 'checks'>): number {
  const slowestMs = Math.max(0, ...checks.map(({ duration_ms }) => duration_ms));
  const wallMs = (limits?.wall_seconds ?? Infinity) * 1000;
  return Math.min(BASELINE_LIMIT_MS + 2 * slowestMs, wallMs, timeLimitMs / Math.max(1, checks.length));
}

/** How the check ended in the workspace when an earlier finish of the attempt ran it and it failed. */
function failedBefore({ steps }: TaskAttempt, { command }: CheckRecord): number | undefined {
  const ran = steps.flatMap(({ outcome }) => outcome?.checks ?? []);
  return ran.find((check) => check.command === command && check.exit_code !== 0)?.exit_code;
}

/** Whether nothing of the task has run that can have changed the workspace: what passes now passed before, too. */
const isUntouched = ({ assignment, steps }: TaskAttempt): boolean =>
  assignment.attempt === 1 && steps.every(({ call }) => call.tool === FINISH || isStopped(call));
