import type { BenchLog } from '../support/bench-log.js';

const ASKED_EVERY_MS = 500;

/** Resolves when a group's replay point of a partition has reached an offset. */
export async function committedUpTo(
  { log }: BenchLog,
  groupId: string,
  topic: string,
  partition: number,
  offset: number,
): Promise<void> {
  for (;;) {
    const committed =
      (await log.admin.committed(groupId, topic)).find((each) => each.partition === partition)?.offset ?? 0;
    if (committed >= offset) return;
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
  }
}
