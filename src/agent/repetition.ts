import { FINISH } from './step.js';
import type { TakenStep } from './taken-step.js';

/** The task ends when a call comes back this often; at one time less the model is told. */
export const REPEATED_AT_MOST = 3;

/**
 * Counts, step by step, how often a step's call was made with the same outcome and nothing new in between; 1 is the first
 * time, 0 is one that does not count.
 *
 * A call is the same when tool and arguments are (of finish the tool alone, for its words may change), its outcome when
 * result, exit code and output are. A step is new when its call and outcome have not occurred before in the task:
 * test, edit, test, another edit, test is progress even if the test keeps failing; read, list, read, list is none.
 * A call whose outcome is unknown does not count: it may not have run.
 */
export function createRepetitionCounter(): (step: TakenStep) => number {
  const known = new Map<string, { times: number; sinceNews: number }>();
  /** Steps that were new so far: what was counted before the last of them counts no more. */
  let news = 0;
  return (step) => {
    if (step.outcome === 'unknown') return 0;
    const signature = signatureOf(step);
    const before = known.get(signature);
    if (before === undefined) news += 1;
    const times = before?.sinceNews === news ? before.times + 1 : 1;
    known.set(signature, { times, sinceNews: news });
    return times;
  };
}

function signatureOf(step: TakenStep): string {
  const call = step.tool === FINISH ? [FINISH] : [step.tool, sortedKeys(step.arguments)];
  const checks = step.checks?.map((check) => [check.name, check.exit_code, check.output_digest]);
  return JSON.stringify([call, step.outcome, step.exitCode, checks ?? step.digest ?? step.observation]);
}

/** The same value with every object's keys in order. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, part]): [string, unknown] => [key, sortedKeys(part)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
