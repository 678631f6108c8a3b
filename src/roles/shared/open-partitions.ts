/** The partitions that a role's groups have given it: which are open, and which are held. */
import type { GroupMember, PartitionConsumer, PartitionId } from '../../ports/log.js';
import type { BlockedPartitions } from './blocked-partitions.js';
import type { RoleHealth } from './role-health.js';

export interface RolePartition extends PartitionConsumer, PartitionId {
  held(): boolean;
}

export interface OpenPartitions<P extends RolePartition> {
  /** What the group is given for an opened partition: it stays in all() until it is closed. */
  open(partition: P): PartitionConsumer;
  all(): readonly P[];
  held(): readonly PartitionId[];
  /** One sentence for each partition that is not held, or stopped at a record. */
  missing(): readonly string[];
}

export function createOpenPartitions<P extends RolePartition>(
  blocked: Pick<BlockedPartitions, 'list'>,
): OpenPartitions<P> {
  const open = new Set<P>();
  return {
    open(partition) {
      open.add(partition);
      return {
        ...partition,
        onClosed() {
          partition.onClosed();
          open.delete(partition);
        },
      };
    },
    all: () => [...open],
    held: () => [...open].filter((partition) => partition.held()).map(({ topic, partition }) => ({ topic, partition })),
    missing: () => [
      ...blocked
        .list()
        .map(
          ({ topic, partition, offset, reason }) => `${topic}/${partition} is blocked at offset ${offset}: ${reason}`,
        ),
      ...[...open]
        .filter((partition) => !partition.held())
        .map(({ topic, partition }) => `${topic}/${partition}: the claim was not read back yet`),
    ],
  };
}

/** How it goes with the groups. members: by group, null until it has joined. */
export function healthOfMembers(
  members: ReadonlyMap<string, GroupMember | null>,
  stalledMs: number,
): Pick<RoleHealth, 'missing' | 'stalled'> {
  const missing: string[] = [];
  const stalled: string[] = [];
  for (const [group, member] of members) {
    if (member === null) missing.push(`${group}: not joined yet`);
    else {
      const { silentMs, opening } = member.health();
      missing.push(...opening.map(({ topic, partition }) => `${topic}/${partition}: not opened yet`));
      if (silentMs >= stalledMs)
        stalled.push(`${group}: nothing heard of the group for ${Math.round(silentMs / 1000)} s`);
    }
  }
  return { missing: [...missing, ...stalled], stalled };
}
