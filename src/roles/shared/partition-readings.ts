/** What the partitions of a role add to the gauges. */
import type { PartitionId } from '../../ports/log.js';
import type { Reading } from '../../ports/metrics.js';
import type { BlockedPartitions } from './blocked-partitions.js';

interface Measured extends PartitionId {
  held(): boolean;
  /** Records from the committed replay point to the last one that was read. */
  replayLag(): number;
}

export function partitionReadings(
  partitions: readonly Measured[],
  blocked: Pick<BlockedPartitions, 'list'>,
): readonly Reading[] {
  const held = partitions.filter((partition) => partition.held());
  return [
    ...held.flatMap((partition): readonly Reading[] => {
      const labels = { topic: partition.topic };
      return [
        { gauge: 'heldPartitions', labels, value: 1 },
        { gauge: 'replayLag', labels, value: partition.replayLag() },
        { gauge: 'blockedPartitions', labels, value: 0 }, // so that an alert on it ends
      ];
    }),
    ...blocked.list().map(({ topic }): Reading => ({ gauge: 'blockedPartitions', labels: { topic }, value: 1 })),
  ];
}
