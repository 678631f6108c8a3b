import { FINISH } from './loop-contract.js';
import type { TakenStep } from './taken-step.js';

/** The task ends when a call comes back this often; at one time less the model is told. */
export const REPEATED_AT_MOST = 3;

/**
 * How often the last step's call was made with the same outcome and nothing new in between; 1 is the first time.
 *
 * A call is the same when tool and arguments are (of finish the tool alone, for its words may change), its outcome when
 * result, exit code and output are. A step is new when its call and outcome have not occurred before in the task:
 * test, edit, test, another edit, test is progress even if the test keeps failing; read, list, read, list is none.
 * A call whose outcome is unknown does not count: it may not have run.
 */
export function repetitions(steps: readonly TakenStep[]): number {
  const counts = new Map<string, number>();
  let last = 0;
  for (const step of steps) {
    if (step.outcome === 'unknown') {
      last = 0;
      continue;
    }
    const signature = signatureOf(step);
    const known = counts.get(signature);
    if (known === undefined) for (const key of counts.keys()) counts.set(key, 0);
    last = (known ?? 0) + 1;
    counts.set(signature, last);
  }
  return last;
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
