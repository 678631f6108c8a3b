/**
 * Log lines about partitions, one for each topic: a process with fourteen agents holds more than eighty of them, and
 * gets them within a second.
 */
import type { Clock, Timer } from '../ports/clock.js';
import type { PartitionId } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { PartitionChange } from '../roles/shared/role.js';

export interface PartitionLog {
  onChange(change: PartitionChange, partition: PartitionId): void;
  /** Writes what waits. */
  flush(): void;
}

/** What changes within this time is in one line. */
const COLLECT_MS = 500;

export function createPartitionLog(clock: Clock, logger: Logger): PartitionLog {
  const held = new Map<string, Set<number>>();
  let waiting = new Map<string, Map<PartitionChange, number[]>>();
  let timer: Timer | null = null;

  function flush(): void {
    timer?.cancel();
    timer = null;
    const changes = waiting;
    waiting = new Map();
    for (const [topic, byChange] of changes)
      for (const [change, partitions] of byChange) {
        const fields = { topic, partitions: rangesText(partitions), held: held.get(topic)?.size ?? 0 };
        if (change === 'lost') logger.warn(fields, 'partitions.lost');
        else logger.info(fields, `partitions.${change}`);
      }
  }

  return {
    onChange(change, { topic, partition }) {
      const now = held.get(topic) ?? new Set<number>();
      held.set(topic, now);
      if (change === 'held') now.add(partition);
      else now.delete(partition);
      const byChange = waiting.get(topic) ?? new Map<PartitionChange, number[]>();
      waiting.set(topic, byChange);
      byChange.set(change, [...(byChange.get(change) ?? []), partition]);
      timer ??= clock.setTimer(COLLECT_MS, flush);
    },
    flush,
  };
}

/** Such as 0-3,5. */
function rangesText(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const ranges: { first: number; last: number }[] = [];
  for (const number of sorted) {
    const open = ranges.at(-1);
    if (open !== undefined && number === open.last + 1) open.last = number;
    else ranges.push({ first: number, last: number });
  }
  return ranges.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
