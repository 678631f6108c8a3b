import { setTimeout as sleep } from 'node:timers/promises';

import { StepFailed } from '../../scripts/steps/run.mjs';

const INTERVAL_MS = 300;

/**
 * Asks until the answer is done and returns its value. Rejects with a StepFailed that names the last answer when the
 * limit is over, and with what given up() returns when that is an error.
 */
export async function until(signal, limitMs, ask, givenUp = async () => null) {
  const endsAt = performance.now() + limitMs;
  for (;;) {
    const { done, value } = await ask();
    if (done) return value;
    const error = await givenUp();
    if (error !== null) throw error;
    if (performance.now() > endsAt)
      throw new StepFailed(`not so after ${limitMs / 1000} s. The last answer: ${JSON.stringify(value)}`, null);
    await sleep(INTERVAL_MS, undefined, { signal });
  }
}
