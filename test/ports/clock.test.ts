import { getEventListeners } from 'node:events';
import { pause } from '../../src/ports/clock.js';
import { createFakeClock } from '../cli/support/fake-clock.js';

describe('a pause', () => {
  const reason = new Error('the task was cancelled');

  test('ends after its time, and removes its listener from the signal', async () => {
    const clock = createFakeClock();
    const caller = new AbortController();
    const paused = pause(clock, 1_000, caller.signal);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    clock.advance(1_000);
    await paused;
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
  });

  test("rejects at once with the signal's reason, and cancels its timer", async () => {
    const clock = createFakeClock();
    const caller = new AbortController();
    const paused = pause(clock, 1_000, caller.signal);
    caller.abort(reason);
    await expect(paused).rejects.toBe(reason);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('does not start if the signal is already aborted', async () => {
    const clock = createFakeClock();
    await expect(pause(clock, 1_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(clock.pendingTimers()).toBe(0);
  });
});
