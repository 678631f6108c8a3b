import { getEventListeners } from 'node:events';
import { pause } from '../../src/ports/clock.js';
import { createFakeClock } from '../cli/support/fake-clock.js';

describe('a pause', () => {
  const reason = new Error('the task was cancelled');

  test('ends after its time, and leaves nothing behind on the signal', async () => {
    const clock = createFakeClock();
    const caller = new AbortController();
    const paused = pause(clock, 1_000, caller.signal);
    expect(getEventListeners(caller.signal, 'abort')).toHaveLength(1);
    clock.advance(1_000);
    await paused;
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
  });

  test("ends with the signal's reason at once, and its timer with it", async () => {
    const clock = createFakeClock();
    const caller = new AbortController();
    const paused = pause(clock, 1_000, caller.signal);
    caller.abort(reason);
    await expect(paused).rejects.toBe(reason);
    expect(clock.pendingTimers()).toBe(0);
  });

  test('does not begin when the signal was aborted before', async () => {
    const clock = createFakeClock();
    await expect(pause(clock, 1_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(clock.pendingTimers()).toBe(0);
  });
});
