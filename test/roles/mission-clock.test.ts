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

test("a task's frozen timer is among those that have run out only when it has", () => {
  clock.setTask('m', 't', [wait(1_000, true)]);
  time.advance(2_000);
  expect([...clock.tasksWithExpired('m')]).toEqual([]);
  clock.setTask('m', 't', [wait(1_000)]);
  time.advance(1_000);
  expect([...clock.tasksWithExpired('m')]).toEqual(['t']);
  clock.end('m');
  expect(time.pendingTimers()).toBe(0);
});
