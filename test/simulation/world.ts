/** Simulated time: everything that will happen, in order. Nothing else makes anything happen. */
import { createRandom, type Random } from './random.js';

/** When the runs begin, in milliseconds since the epoch. */
export const EPOCH_MS = Date.UTC(2026, 10, 23, 12);

export interface World {
  readonly random: Random;
  /** Milliseconds since the run began. */
  now(): number;
  /** Runs the callback once, delayMs from now; returns how to keep it from running. */
  at(delayMs: number, callback: () => void): () => void;
  /** Runs what comes next; false when nothing will ever happen again. */
  step(): boolean;
  /** Adds a line to the run's trace. The text is built only if the trace is read. */
  tell(line: () => string): void;
  readonly story: readonly string[];
}

interface Planned {
  readonly atMs: number;
  readonly order: number;
  callback: (() => void) | null;
}

export function createWorld(seed: number, tracing: boolean): World {
  const queue: Planned[] = [];
  const story: string[] = [];
  let nowMs = 0;
  let order = 0;

  return {
    random: createRandom(seed),
    now: () => nowMs,
    at(delayMs, callback) {
      const planned: Planned = { atMs: nowMs + Math.max(0, delayMs), order: order++, callback };
      push(queue, planned);
      return () => {
        planned.callback = null;
      };
    },
    step() {
      for (let next = pop(queue); next !== undefined; next = pop(queue)) {
        if (next.callback === null) continue;
        nowMs = next.atMs;
        next.callback();
        return true;
      }
      return false;
    },
    tell(line) {
      if (tracing) story.push(`${(nowMs / 1000).toFixed(3).padStart(10)} ${line()}`);
    },
    story,
  };
}

const isBefore = (a: Planned, b: Planned): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

/** A binary heap: the earliest stands first. */
function push(heap: Planned[], planned: Planned): void {
  let index = heap.length;
  heap.push(planned);
  while (index > 0) {
    const parent = (index - 1) >> 1;
    const above = heap[parent];
    if (above === undefined || !isBefore(planned, above)) break;
    heap[index] = above;
    index = parent;
  }
  heap[index] = planned;
}

function pop(heap: Planned[]): Planned | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return first;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    let below = heap[child];
    const right = heap[child + 1];
    if (below !== undefined && right !== undefined && isBefore(right, below)) {
      child += 1;
      below = right;
    }
    if (below === undefined || !isBefore(below, last)) break;
    heap[index] = below;
    index = child;
  }
  heap[index] = last;
  return first;
}
