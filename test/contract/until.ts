import { setTimeout as delay } from 'node:timers/promises';

/** Asks until the answer is true; fails with what was being waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Waited without success for: ${what}`);
    await delay(5);
  }
}
