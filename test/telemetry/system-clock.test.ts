import { pause } from '../../src/ports/clock.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';

/** What a delay beyond the limit of Node's timers would give: a callback after 1 ms, and this warning. */
function overflows(): { readonly names: readonly string[]; stop(): void } {
  const names: string[] = [];
  const listener = ({ name }: Error) => names.push(name);
  process.on('warning', listener);
  return { names, stop: () => process.off('warning', listener) };
}

const TURN_OF_THE_LOOP_MS = 20;

describe("the system clock's timer", () => {
  test.each([1, 10, 49, 50, 51, 1000])(
    'ends after its whole delay in parts of at most %i ms',
    async (longestPartMs) => {
      const clock = createSystemClock(longestPartMs);
      const startedMs = clock.monotonicMs();
      await pause(clock, 50);
      // Node rounds a timer's start to whole milliseconds.
      expect(clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(49);
    },
  );

  test('calls back once, and not when it was cancelled in a later part', async () => {
    const clock = createSystemClock(5);
    let calls = 0;
    clock.setTimer(20, () => (calls += 1));
    const cancelled = clock.setTimer(40, () => (calls += 1));
    await pause(clock, 30);
    cancelled.cancel();
    await pause(clock, 40);
    expect(calls).toBe(1);
  });

  test.each([
    ['the longest that Node holds', 2 ** 31 - 1],
    ['one more', 2 ** 31],
    ['100000 minutes', 100_000 * 60_000],
    ['a million years', 3.2e16],
    ['no end', Infinity],
  ])('does not end at once with a delay of %s', async (_, delayMs) => {
    const clock = createSystemClock();
    const warnings = overflows();
    let ended = false;
    const timer = clock.setTimer(delayMs, () => (ended = true));
    await pause(clock, TURN_OF_THE_LOOP_MS);
    timer.cancel();
    warnings.stop();
    expect(ended).toBe(false);
    expect(warnings.names).toEqual([]);
  });

  test('may have no delay', async () => {
    await pause(createSystemClock(), 0);
    await pause(createSystemClock(), -1);
  });
});
