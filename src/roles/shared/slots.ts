/** A limit on what runs at the same time, first come, first served. Only the keys of waiting items are kept. */
export interface Slots {
  /** Asks for a slot; calls `user.use(key)` when one is free, which may be at once. A waiting key keeps its place. */
  request(key: string, user: SlotUser): void;
  /** Nothing of this user waits any more. */
  withdraw(user: SlotUser): void;
  /** How many wait. */
  waiting(): number;
  /** From now on so many; what has a slot beyond them keeps it until it ends. */
  resize(limit: number): void;
}

export interface SlotUser {
  /** Uses the slot until the promise resolves; it never rejects. null: nothing to do, the slot is free again. */
  use(key: string): Promise<void> | null;
}

export function createSlots(first: number): Slots {
  let limit = first;
  let free = first;
  const waiting = new Map<string, SlotUser>();
  /** The order of the requests, from `next` on. (A Map finds its first key by walking over those that were deleted.) */
  let order: string[] = [];
  let next = 0;

  function fill(): void {
    while (free > 0) {
      const key = order[next];
      if (key === undefined) break;
      next += 1;
      const user = waiting.get(key);
      waiting.delete(key);
      free -= 1;
      const used = user?.use(key) ?? null;
      if (used === null) free += 1;
      else void used.then(giveBack);
    }
    if (next > order.length / 2) dropServed();
  }

  function dropServed(): void {
    order = order.slice(next);
    next = 0;
  }

  function giveBack(): void {
    free += 1;
    fill();
  }

  return {
    waiting: () => waiting.size,
    resize(to) {
      free += to - limit;
      limit = to;
      fill();
    },
    request(key, user) {
      if (!waiting.has(key)) order.push(key);
      waiting.set(key, user);
      fill();
    },
    withdraw(user) {
      for (const [key, waitingUser] of waiting) {
        if (waitingUser === user) waiting.delete(key);
      }
      dropServed();
      order = order.filter((key) => waiting.has(key));
    },
  };
}
