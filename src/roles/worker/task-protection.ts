/** What a task has changed although it must not: compared by its finish, and where it ends without one. */
import type { LoopEnd } from '../../agent/loop-contract.js';
import { asError } from '../../domain/as-error.js';
import { baselineOf } from '../../domain/baseline.js';
import type { PayloadOf } from '../../domain/events.js';
import type { Logger } from '../../ports/logger.js';
import type { TaskPlace, ToolExecutor } from '../../ports/tools.js';
import type { ExecutionDeps } from './execution-deps.js';
import { placeOf } from './task-place.js';
import { protectionOf } from './task-result.js';
import { isTaken, withinLimit } from './timed-work.js';
import type { WorkerContext } from './worker-context.js';

/** What an observation and a record name of the protected files that were changed. */
const MOST_CHANGED = 20;
/** A comparison at the end may take what the task's deadline has left, and so much longer. */
const COMPARE_GRACE_MS = 10_000;

export interface ProtectionDeps extends Pick<ExecutionDeps, 'attempt' | 'spec' | 'current'> {
  readonly tools: Pick<ToolExecutor, 'changedPaths'>;
  readonly place: TaskPlace;
}

/** By the baseline that the attempt's journal has; without one nothing of the task has run. */
const protectedBefore = ({ current }: Pick<ProtectionDeps, 'current'>) => baselineOf(current())?.protected ?? [];

/** What of the protected files is not as it was. */
export async function changedOf(deps: ProtectionDeps, signal: AbortSignal): Promise<readonly string[]> {
  const before = protectedBefore(deps);
  if (before.length === 0) return [];
  const { attempt, spec, tools, place } = deps;
  return tools.changedPaths(place, before, protectionOf(attempt.assignment, spec), signal);
}

/** As records and reports have it. */
export function refusedChange(
  changed: readonly string[],
  { beside }: PayloadOf<'task_assigned'>,
): { readonly shown: readonly string[]; readonly text: string } {
  const shown = changed.slice(0, MOST_CHANGED);
  const more = changed.length > shown.length ? ` and ${changed.length - shown.length} more` : '';
  const text = `protected files are not as they were before the task: ${shown.join(', ')}${more}`;
  return { shown, text: text + besideText(beside?.tasks ?? 0) };
}

const besideText = (tasks: number): string =>
  tasks === 0
    ? ''
    : `; its wave has ${tasks} other ${tasks === 1 ? 'task' : 'tasks'}: what those change belongs in their \`changes\``;

/**
 * The end of an attempt that failed for another reason and has changed protected files: what follows it, such as a
 * changed plan, would build on the changed files. Rejects only where another process continues the attempt.
 * @param remainingMs what the task's deadline has left
 */
export async function endCompared(
  context: WorkerContext,
  deps: ExecutionDeps,
  logger: Logger,
  end: LoopEnd,
  limits: { readonly remainingMs: number; readonly signal: AbortSignal },
): Promise<LoopEnd> {
  if (end.kind !== 'failed' || end.code === 'protected' || protectedBefore(deps).length === 0) return end;
  const { tools } = context.deps;
  const limitMs = limits.remainingMs + COMPARE_GRACE_MS;
  const tooSlow = () => new Error(`they could not be compared within ${Math.round(limitMs / 1000)} s`);
  try {
    const changed = await withinLimit(context, limitMs, tooSlow, limits.signal, (stop) =>
      changedOf({ ...deps, tools, place: placeOf(deps) }, stop),
    );
    if (changed.length === 0) return end;
    const { shown, text } = refusedChange(changed, deps.attempt.assignment);
    return { ...end, code: 'protected', retriable: false, error: `${text}; ${end.error}`, changed: shown };
  } catch (error) {
    // Its next holder comes to the same end, and compares.
    if (isTaken(limits.signal)) throw error;
    logger.warn({ err: asError(error) }, 'protection.not_compared');
    const why = `whether its protected files were changed is not known: ${asError(error).message}`;
    return { ...end, error: `${end.error}; ${why}` };
  }
}
