/**
 * The swarm's daily cap, as this process knows it: its own partitions' sums as folded, those of others as their last
 * heartbeats have reported. A partition's sum of a day only rises, so that of two words the higher one counts.
 */
import { capReached, type CapReached, type DailyCap, type DaySpending } from '../../domain/daily-spending.js';
import type { PayloadOf } from '../../domain/events.js';
import type { Clock, Timer } from '../../ports/clock.js';

export interface CapWatch {
  /** A partition's sum, folded here or told by another process. */
  note(partition: number, spending: DaySpending): void;
  /** What signs of life say about these partitions. */
  spentOf(partitions: readonly number[]): PayloadOf<'heartbeat'>['spent'];
  /** null: it is not reached, or there is none. */
  reached(): CapReached | null;
  /** Calls back when it is reached, and when it is no more. */
  subscribe(listener: () => void): void;
  stop(): void;
}

/** The wall clock may jump: whether the next day has begun is looked at this often. */
const LOOK_MS = 30_000;

export function createCapWatch(clock: Clock, cap: DailyCap): CapWatch {
  const sums = new Map<number, DaySpending>();
  const listeners: (() => void)[] = [];
  let last: CapReached | null = null;
  let timer: Timer | null = null;
  const isCapped = cap.usd !== null || cap.tokens !== null;

  function look(): void {
    timer?.cancel();
    timer = null;
    const now = capReached(cap, sums.values(), clock.now());
    const changed = (now === null) !== (last === null);
    last = now;
    if (now !== null) timer = clock.setTimer(Math.min(LOOK_MS, Math.max(1, now.untilMs - clock.now())), look);
    if (changed) for (const listener of listeners) listener();
  }

  return {
    note(partition, spending) {
      const known = sums.get(partition);
      if (known !== undefined && !isHigher(spending, known)) return;
      sums.set(partition, spending);
      if (isCapped) look();
    },
    spentOf: (partitions) =>
      partitions.flatMap((partition) => {
        const { day = '', tokens = 0, usd = 0 } = sums.get(partition) ?? {};
        return day === '' ? [] : [{ partition, day, tokens, usd }];
      }),
    reached: () => last,
    subscribe: (listener) => void listeners.push(listener),
    stop: () => timer?.cancel(),
  };
}

const isHigher = (a: DaySpending, b: DaySpending): boolean =>
  a.day === b.day ? a.usd > b.usd || a.tokens > b.tokens : a.day > b.day;
