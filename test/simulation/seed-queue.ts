/** Hands the seeds of a run out to its threads, in their order: no thread waits for a slower one. */
export interface SeedQueue {
  readonly memory: SharedArrayBuffer;
  /** Index of the next seed; null when there is none. */
  take(): number | null;
  /** Nothing is handed out any more. */
  stop(): void;
}

const TAKEN = 0;
const END = 1;

export function createSeedQueue(count: number): SeedQueue {
  const memory = new SharedArrayBuffer(2 * Uint32Array.BYTES_PER_ELEMENT);
  new Uint32Array(memory)[END] = count;
  return openSeedQueue(memory);
}

/** The same queue in another thread. */
export function openSeedQueue(memory: SharedArrayBuffer): SeedQueue {
  const numbers = new Uint32Array(memory);
  return {
    memory,
    take() {
      const index = Atomics.add(numbers, TAKEN, 1);
      return index < Atomics.load(numbers, END) ? index : null;
    },
    stop: () => void Atomics.store(numbers, END, 0),
  };
}
