import type { Clock } from '../../ports/clock.js';
import type { SlotUser, Slots } from '../shared/slots.js';

/** A user of slots as they know it, and since when each of its keys waits, monotonic. */
interface TimedUser extends SlotUser {
  readonly sinceMs: Map<string, number>;
}

/** The same slots; onTaken hears for how long what gets one has waited for it. */
export function timedSlots(slots: Slots, clock: Clock, onTaken: (waitedMs: number) => void): Slots {
  const users = new Map<SlotUser, TimedUser>();
  const timed = (user: SlotUser): TimedUser => {
    const sinceMs = new Map<string, number>();
    return {
      sinceMs,
      use(key) {
        const waitedMs = clock.monotonicMs() - (sinceMs.get(key) ?? clock.monotonicMs());
        sinceMs.delete(key);
        const used = user.use(key);
        if (used !== null) onTaken(waitedMs);
        return used;
      },
    };
  };
  return {
    ...slots,
    request(key, user) {
      const known = users.get(user) ?? timed(user);
      users.set(user, known);
      if (!known.sinceMs.has(key)) known.sinceMs.set(key, clock.monotonicMs());
      slots.request(key, known);
    },
    withdraw(user) {
      const known = users.get(user);
      if (known !== undefined) slots.withdraw(known);
      users.delete(user);
    },
  };
}
