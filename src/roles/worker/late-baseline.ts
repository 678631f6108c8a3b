/**
 * The baseline of checks that could not run before the first step, such as those that a person has to approve: taken
 * with the finish that runs them, before what it says counts.
 */
import { FINISH } from '../../agent/step.js';
import { BASELINE_LIMIT_MS, isUnknown, NOT_RUN, verdictOn, type Baseline } from '../../domain/baseline.js';
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
  const isLate = ({ command }: CheckRecord, at: number) => {
    const known = before?.checks[at];
    return known !== undefined && isUnknown(known) && !isStaticCheck(command);
  };
  const late = passed ? results.filter(isLate) : [];
  // Of each check; all of them together leave the attempt its time.
  const timeLimitMs = Math.min(BASELINE_LIMIT_MS, call.timeLimitMs / Math.max(1, late.length));
  const codes = late.length === 0 ? [] : await tools.runInEmpty({ ...call, timeLimitMs, checks: late }, acting);
  const untouched = isUntouched(current());
  const found = new Map(
    late.map((result, at) => [
      result,
      {
        workspace: untouched ? result.exit_code : (failedBefore(current(), result) ?? NOT_RUN),
        empty: codes[at] ?? NOT_RUN,
      },
    ]),
  );
  return results.map((result, at) => ({
    ...result,
    baseline: verdictOn(result, found.get(result) ?? before?.checks[at]),
  }));
}

/** How the check ended in the workspace when an earlier finish of the attempt ran it and it failed. */
function failedBefore({ steps }: TaskAttempt, { command }: CheckRecord): number | undefined {
  const ran = steps.flatMap(({ outcome }) => outcome?.checks ?? []);
  return ran.find((check) => check.command === command && check.exit_code !== 0)?.exit_code;
}

/** Whether nothing of the task has run that can have changed the workspace: what passes now passed before, too. */
const isUntouched = ({ assignment, steps }: TaskAttempt): boolean =>
  assignment.attempt === 1 && steps.every(({ call }) => call.tool === FINISH || isStopped(call));
