/** Commits replay points: only what has moved, and only while nothing else is being committed. */
import type { PartitionId } from '../../ports/log.js';
import type { GroupMember } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import type { ReplayPoint } from '../../domain/record.js';
import { asError } from '../../domain/as-error.js';

export interface CommittedPartition extends PartitionId {
  replayPoint(): ReplayPoint | null;
  onCommitted(point: ReplayPoint): void;
}

export interface Commits {
  /**
   * Commits what has moved. A refusal (during a rebalance), or a partition that is left out, is not an error: the next
   * run tries again.
   */
  run(member: GroupMember, partitions: readonly CommittedPartition[]): Promise<void>;
}

export function createCommits(logger: Logger): Commits {
  const last = new WeakMap<CommittedPartition, ReplayPoint>();
  return {
    async run(member, partitions) {
      const moved: { readonly partition: CommittedPartition; readonly point: ReplayPoint }[] = [];
      for (const partition of partitions) {
        if (!member.isAssigned(partition)) continue;
        const point = partition.replayPoint();
        if (point !== null && !isSamePoint(point, last.get(partition))) moved.push({ partition, point });
      }
      if (moved.length === 0) return;
      let committed: readonly PartitionId[];
      try {
        committed = await member.commit(
          moved.map(({ partition, point }) => ({ topic: partition.topic, partition: partition.partition, ...point })),
        );
      } catch (error) {
        logger.warn({ err: asError(error) }, 'commit.refused');
        return;
      }
      for (const { partition, point } of moved) {
        if (!committed.some((each) => each.topic === partition.topic && each.partition === partition.partition))
          continue;
        last.set(partition, point);
        partition.onCommitted(point);
      }
    },
  };
}

function isSamePoint(point: ReplayPoint, last: ReplayPoint | undefined): boolean {
  return last !== undefined && point.offset === last.offset && point.metadata === last.metadata;
}
