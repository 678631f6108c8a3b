/** A limit on what runs side by side, first come first served. */
export interface Slots {
  /** Resolves with how to give the slot back; rejects with the signal's reason when it aborts while waiting. */
  acquire(signal: AbortSignal): Promise<() => void>;
}

export function createSlots(limit: number): Slots {
  let free = limit;
  const waiting: (() => void)[] = [];
  const release = () => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return {
    acquire(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(release);
      }
      return new Promise((resolve, reject) => {
        const abort = () => {
          waiting.splice(waiting.indexOf(grant), 1);
          reject(signal.reason);
        };
        const grant = () => {
          signal.removeEventListener('abort', abort);
          resolve(release);
        };
        waiting.push(grant);
        signal.addEventListener('abort', abort, { once: true });
      });
    },
  };
}
