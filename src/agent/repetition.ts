import { FINISH } from './step.js';
import type { TakenStep } from './taken-step.js';

/**
 * The chain moves on, or the task ends, when a call is repeated this often; the time before, the model gets a warning.
 */
export const REPEATED_AT_MOST = 3;

/**
 * Counts, step by step, how often a step's call was made with the same outcome and nothing new in between. The first
 * time is 1; 0 means that the step does not count.
 *
 * Two calls are the same if model, tool and arguments are equal (for finish not the arguments, its texts may vary). Two
 * outcomes are the same if result, exit code and output are equal (for finish the checks and their exit codes: the
 * output of a test may hold times). A step is new if its call and outcome have not occurred before in the task: test,
 * edit, test, another edit, test is progress even if the test keeps failing; read, list, read, list is not. A call
 * whose outcome is unknown does not count, because it may not have run.
 */
export function createRepetitionCounter(): (step: TakenStep) => number {
  const known = new Map<string, { times: number; newSteps: number }>();
  /** New steps so far. Repetitions that were counted before the last new step are no longer valid. */
  let newSteps = 0;
  return (step) => {
    if (step.outcome === 'unknown') return 0;
    const signature = signatureOf(step);
    const before = known.get(signature);
    if (before === undefined) newSteps += 1;
    const times = before?.newSteps === newSteps ? before.times + 1 : 1;
    known.set(signature, { times, newSteps });
    return times;
  };
}

function signatureOf(step: TakenStep): string {
  const call = step.tool === FINISH ? [FINISH] : [step.tool, sortedKeys(step.arguments)];
  // The next model of the chain may do what the one before it did, without its count.
  const { chainIndex } = step;
  const checks = step.checks?.map((check) => [check.name, check.exit_code]);
  return JSON.stringify([chainIndex, call, step.outcome, step.exitCode, checks ?? step.digest ?? step.observation]);
}

/** The same value with the keys of all objects sorted. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, part]): [string, unknown] => [key, sortedKeys(part)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
