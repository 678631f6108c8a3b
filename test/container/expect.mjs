import { StepFailed } from '../../scripts/steps/run.mjs';

/** Fails the step unless it holds; what was found is shown. */
export function expect(holds, what, found) {
  if (holds) return;
  const text = typeof found === 'string' ? found : JSON.stringify(found, null, 2);
  throw new StepFailed(`${what} is not as it must be. Found: ${text}`, null);
}
