/** What is to be sent once under this claim, in order, a limited number of items at a time. */
import type { Slots, SlotUser } from './slots.js';

/** Items that wait in an appender at once: more than one request holds, and few of the thousands after a take-over. */
export const MOST_SENDING = 1_000;

export interface Outbox<T> {
  /** Sends it when a slot is free; what waits or is under way under this key already is not sent again. */
  send(key: string, item: T): void;
  /** Forgets what waits and what is under way: from now on the same keys may be sent again. */
  reset(): void;
  /** Resolves when nothing waits or is under way. */
  settled(): Promise<void>;
}

/** @param deliver never rejects */
export function createOutbox<T>(slots: Slots, deliver: (item: T) => Promise<void>): Outbox<T> {
  const unsent = new Map<string, { readonly item: T }>();
  const whenSettled = new Set<() => void>();

  function settle(): void {
    if (unsent.size > 0) return;
    for (const resolve of whenSettled) resolve();
    whenSettled.clear();
  }

  const user: SlotUser = {
    use(key) {
      const next = unsent.get(key);
      if (next === undefined) return null;
      return deliver(next.item).finally(() => {
        if (unsent.get(key) === next) unsent.delete(key);
        settle();
      });
    },
  };

  return {
    send(key, item) {
      if (unsent.has(key)) return;
      unsent.set(key, { item });
      slots.request(key, user);
    },
    reset() {
      unsent.clear();
      slots.withdraw(user);
      settle();
    },
    settled: () => (unsent.size === 0 ? Promise.resolve() : new Promise((resolve) => whenSettled.add(resolve))),
  };
}
