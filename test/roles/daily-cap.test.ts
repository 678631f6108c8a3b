import { createCapWatch } from '../../src/roles/orchestrator/daily-cap.js';
import { createFakeClock } from '../cli/support/fake-clock.js';

const NOON = Date.parse('2026-11-30T12:00:00Z');
const HOUR_MS = 3_600_000;
const sum = (usd: number, day = '2026-11-30') => ({ day, tokens: 10, usd });

test('sums all partitions, those that others report included; the higher word of two counts', () => {
  const watch = createCapWatch(createFakeClock(NOON), { usd: 5, tokens: null });
  watch.note(0, sum(2));
  watch.note(1, sum(2));
  watch.note(1, sum(1));
  watch.note(0, sum(9, '2026-11-29'));
  expect(watch.reached()).toBeNull();
  expect(watch.spentOf([0, 1, 7])).toEqual([
    { partition: 0, ...sum(2) },
    { partition: 1, ...sum(2) },
  ]);
  watch.note(1, sum(3));
  expect(watch.reached()?.reason).toContain('$5.00 of $5');
  watch.stop();
});

test('calls back when it is reached, and again when the next day begins', () => {
  const clock = createFakeClock(NOON);
  const watch = createCapWatch(clock, { usd: 5, tokens: null });
  const heard: boolean[] = [];
  watch.subscribe(() => heard.push(watch.reached() !== null));
  watch.note(0, sum(5));
  watch.note(0, sum(6));
  clock.advance(11 * HOUR_MS);
  expect(heard).toEqual([true]);
  clock.advance(HOUR_MS);
  expect(heard).toEqual([true, false]);
  expect(clock.pendingTimers()).toBe(0);
});

test('without a cap it is never reached, and no timer runs', () => {
  const clock = createFakeClock(NOON);
  const watch = createCapWatch(clock, { usd: null, tokens: null });
  watch.note(0, sum(1_000_000));
  expect(watch.reached()).toBeNull();
  expect(clock.pendingTimers()).toBe(0);
});
