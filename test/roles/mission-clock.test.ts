import { createMissionClock, type MissionClock } from '../../src/roles/orchestrator/mission-clock.js';
import { createFakeClock, type FakeClock } from '../cli/support/fake-clock.js';

let time: FakeClock;
let clock: MissionClock;
let fired: (string | null)[];
beforeEach(() => {
  time = createFakeClock();
  fired = [];
  clock = createMissionClock(time, (_mission, task) => fired.push(task));
});

const wait = (delayMs: number, frozen = false) => ({ key: 'k', delayMs, ...(frozen ? { frozen } : {}) });
const set = (delayMs: number, frozen = false) => clock.setMission('m', [wait(delayMs, frozen)]);

test('a frozen timer does not run, and what had passed of it stays passed', () => {
  set(1_000);
  time.advance(600);
  set(1_000, true);
  time.advance(3_600_000);
  expect(clock.isExpired('k')).toBe(false);
  set(1_000);
  time.advance(399);
  expect(clock.isExpired('k')).toBe(false);
  time.advance(1);
  expect(clock.isExpired('k')).toBe(true);
  expect(fired).toEqual([null]);
});

test('a timer that begins frozen has its whole length', () => {
  set(1_000, true);
  time.advance(5_000);
  set(1_000);
  time.advance(999);
  expect(clock.isExpired('k')).toBe(false);
  time.advance(1);
  expect(clock.isExpired('k')).toBe(true);
});

test('what has run out stays so while it is frozen and after', () => {
  set(1_000);
  time.advance(1_000);
  set(1_000, true);
  set(1_000);
  time.advance(5_000);
  expect(clock.isExpired('k')).toBe(true);
  expect(fired).toHaveLength(1);
});

test('another length keeps what has passed', () => {
  set(1_000);
  time.advance(900);
  set(2_000);
  time.advance(1_099);
  expect(clock.isExpired('k')).toBe(false);
  time.advance(1);
  expect(clock.isExpired('k')).toBe(true);
  set(2_500);
  expect(clock.isExpired('k')).toBe(false);
  time.advance(500);
  expect(clock.isExpired('k')).toBe(true);
  set(2_400);
  expect(clock.isExpired('k')).toBe(true);
});

const accept = (delayMs: number, frozen = false) => ({
  ...wait(delayMs, frozen),
  wait: { kind: 'accept' as const, agent: 'a' },
});
const listed = () => [...clock.expiredWaits('m')].map(({ kind, agent, taskIds }) => [kind, agent, [...taskIds]]);

test("a task's wait is listed by its kind and agent from when it has run out until it has ended", () => {
  clock.setTask('m', 't', [{ key: 'without_worker', delayMs: 500 }, accept(1_000, true)]);
  time.advance(2_000);
  expect(listed()).toEqual([]);
  clock.setTask('m', 't', [accept(1_000)]);
  clock.setTask('m', 'u', [{ ...accept(1_000), key: 'other' }]);
  clock.setTask('m', 'v', [{ key: 'third', delayMs: 1_000, wait: { kind: 'retry', agent: 'a' } }]);
  time.advance(1_000);
  expect(listed()).toEqual([
    ['accept', 'a', ['t', 'u']],
    ['retry', 'a', ['v']],
  ]);
  clock.setTask('m', 't', []);
  expect(listed()[0]).toEqual(['accept', 'a', ['u']]);
  clock.end('m');
  expect(listed()).toEqual([]);
  expect(time.pendingTimers()).toBe(0);
});

test('a wait that has run out is not listed while it is frozen, nor once it starts again', () => {
  clock.setTask('m', 't', [accept(1_000)]);
  time.advance(1_000);
  clock.setTask('m', 't', [accept(1_000, true)]);
  expect([clock.isExpired('k'), listed()]).toEqual([true, []]);
  clock.setTask('m', 't', [accept(1_000)]);
  expect(listed()).toEqual([['accept', 'a', ['t']]]);
  clock.restart('m', 't', accept(1_000));
  expect([clock.isExpired('k'), listed()]).toEqual([false, []]);
  time.advance(1_000);
  expect(listed()).toEqual([['accept', 'a', ['t']]]);
});
