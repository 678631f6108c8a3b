/** How a step has ended, in a word of a short list that says what failed. */
import type { PayloadOf } from '../../domain/events.js';
import { COMMAND_TOOL } from '../../ports/tools.js';

/** What is no exit code of a check: it could not be started, or it was stopped. */
const NOT_RUN = -1;

type Returned = Pick<PayloadOf<'tool_returned'>, 'outcome' | 'exit_code' | 'checks' | 'changed_paths'>;

/** @param tool that was called; finish runs the checks */
export function stepOutcome({ outcome, exit_code, checks, changed_paths }: Returned, tool: string): string {
  if (outcome !== 'error') return outcome;
  if (checks !== null) {
    if (changed_paths.length > 0) return 'protected_changed';
    return checks.some((check) => checkResult(check) === 'failed') ? 'check_failed' : 'error';
  }
  return tool === COMMAND_TOOL && exit_code !== null && exit_code !== 0 ? 'command_failed' : 'error';
}

export function checkResult({ exit_code }: { readonly exit_code: number }): 'passed' | 'failed' | 'not_run' {
  if (exit_code === NOT_RUN) return 'not_run';
  return exit_code === 0 ? 'passed' : 'failed';
}
