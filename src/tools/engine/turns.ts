/** Bounds on what one process does for its agents' engines at once. */

/** Takes a place; returns what gives it back, or null: all are taken. */
export type TakePlace = () => (() => void) | null;

/** Places of one call within those of the process. */
export function createPlacesOf(all: TakePlace, most: number): TakePlace {
  let taken = 0;
  return () => {
    if (taken >= most) return null;
    const giveBack = all();
    if (giveBack === null) return null;
    taken += 1;
    return () => {
      taken -= 1;
      giveBack();
    };
  };
}

/** Runs work when fewer than `most` others run, in the order of the calls. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** The same for each key by itself; nothing is kept of a key that no work waits for. */
export function createTurnsByKey(most: number): (key: string) => InTurn {
  const entries = new Map<string, { readonly inTurn: InTurn; users: number }>();
  return (key) => async (work) => {
    const entry = entries.get(key) ?? { inTurn: createTurns(most), users: 0 };
    entries.set(key, entry);
    entry.users += 1;
    try {
      return await entry.inTurn(work);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) entries.delete(key);
    }
  };
}

export function createTurns(most: number): InTurn {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running < most) running += 1;
    else await new Promise<void>((turn) => waiting.push(turn));
    try {
      return await work();
    } finally {
      // The next one gets this one's turn.
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
}
