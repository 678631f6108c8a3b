/** A limit on what runs side by side, first come first served. Of what waits nothing but a key is kept, so that very much may wait. */
export interface Slots {
  /** Asks for a slot; `user.use(key)` is called when there is one, at once if it is free. A key that waits already keeps its place. */
  request(key: string, user: SlotUser): void;
  /** Nothing of this user waits any more. */
  withdraw(user: SlotUser): void;
}

export interface SlotUser {
  /** Uses the slot until the promise, which never rejects, resolves. null gives it back at once: there is nothing to do for the key any more. */
  use(key: string): Promise<void> | null;
}

export function createSlots(limit: number): Slots {
  let free = limit;
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
