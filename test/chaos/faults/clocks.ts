/**
 * Wall clocks that jump by hours. The product takes the time from Date; a process's Date is shifted as a jump would.
 */
import type { Fault } from '../fault.js';

const HOUR_MS = 3_600_000;

const jump = (name: string, what: string, direction: 1 | -1): Fault => ({
  name,
  what,
  recovery: 'the clock is corrected, a jump in the other direction',
  takes: 'clocks',
  async strike({ fleet, site, random }) {
    const member = random.pick(fleet.members.filter((each) => each.pid() > 0));
    await member.shiftClock(direction * HOUR_MS * random.between(1, 12));
    try {
      await site.pause(random.between(8_000, 15_000));
    } finally {
      await member.shiftClock(0);
    }
  },
});

export const CLOCK_FAULTS: readonly Fault[] = [
  jump('clock-forward', 'the wall clock of a process jumps forward by hours', 1),
  jump('clock-back', 'the wall clock of a process jumps back by hours', -1),
];
