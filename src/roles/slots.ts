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

  function fill(): void {
    for (const [key, user] of waiting) {
      if (free === 0) return;
      waiting.delete(key);
      free -= 1;
      const used = user.use(key);
      if (used === null) free += 1;
      else void used.then(giveBack);
    }
  }

  function giveBack(): void {
    free += 1;
    fill();
  }

  return {
    request(key, user) {
      waiting.set(key, user);
      fill();
    },
    withdraw(user) {
      for (const [key, waitingUser] of waiting) {
        if (waitingUser === user) waiting.delete(key);
      }
    },
  };
}
