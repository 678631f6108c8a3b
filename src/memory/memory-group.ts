import { assignPartitions } from '../domain/assign-partitions.js';
import { METADATA_LIMIT_BYTES } from '../domain/record.js';
import {
  CommitRefused,
  partitionName,
  type CommittedOffset,
  type GroupMember,
  type GroupOptions,
  type PartitionId,
} from '../ports/log.js';
import { createMemoryMember, type MemoryMember } from './memory-member.js';
import type { Schedule, Storage } from './storage.js';

/** A consumer group: its members, their partitions and the committed offsets. */
export interface MemoryGroup {
  join(options: GroupOptions): Promise<GroupMember>;
  committed(partition: PartitionId): CommittedOffset | null;
  /** Writes committed offsets like an administrator, whatever the members hold. */
  setCommitted(partition: PartitionId, committed: CommittedOffset): void;
}

export function createMemoryGroup(groupId: string, storage: Storage, schedule: Schedule): MemoryGroup {
  const members = new Set<MemoryMember>();
  const offsets = new Map<string, CommittedOffset>();
  let joined = 0;

  const committed = (partition: PartitionId) => offsets.get(partitionName(partition)) ?? null;
  const setCommitted = (partition: PartitionId, { offset, metadata }: CommittedOffset) => {
    offsets.set(partitionName(partition), { offset, metadata });
  };

  const commit = (member: MemoryMember, commits: readonly (PartitionId & CommittedOffset)[]) => {
    if (!members.has(member)) throw new CommitRefused(`Member ${member.id} has left group ${groupId}`);
    const tooLong = commits.find(({ metadata }) => Buffer.byteLength(metadata) > METADATA_LIMIT_BYTES);
    if (tooLong)
      throw new CommitRefused(`Metadata of ${partitionName(tooLong)} has more than ${METADATA_LIMIT_BYTES} bytes`);
    const assigned = commits.filter((entry) => member.isAssigned(entry));
    for (const entry of assigned) setCommitted(entry, entry);
    return assigned;
  };

  const leave = (member: MemoryMember) => {
    if (!members.delete(member)) return;
    member.revokeAllBut([]);
    rebalance(members, storage);
  };

  return {
    async join(options) {
      for (const topic of options.topics) storage.partitions(topic);
      joined += 1;
      const id = `${groupId}-${String(joined).padStart(6, '0')}`;
      const member = createMemoryMember({ id, options, storage, schedule, committed });
      await later(schedule, () => {
        members.add(member);
        rebalance(members, storage);
      });
      return {
        commit: (commits) => later(schedule, () => commit(member, commits)),
        isAssigned: (partition) => member.isAssigned(partition),
        health: () => ({ silentMs: 0, opening: member.opening(), setApart: member.setApart() }),
        leave: () => later(schedule, () => leave(member)),
      };
    },
    committed,
    setCommitted,
  };
}

/** Revokes partitions before it assigns any, so that no two members hold one at the same time. */
function rebalance(members: ReadonlySet<MemoryMember>, storage: Storage): void {
  const topics = new Set([...members].flatMap((member) => member.topics));
  const partitions = [...topics].flatMap((topic) => storage.partitions(topic));
  const shares = assignPartitions(
    partitions,
    [...members].map(({ id, topics: wanted, only, kept }) => ({
      id,
      topics: wanted,
      held: only ?? kept(),
      only: only !== undefined,
    })),
  );
  const assignments = [...members].map((member) => ({ member, share: shares.get(member.id) ?? [] }));
  for (const { member, share } of assignments) member.revokeAllBut(share);
  for (const { member, share } of assignments) member.assign(share);
}

/** Runs on the log's schedule, because a broker's answer also arrives after the call. */
function later<T>(schedule: Schedule, work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    schedule(() => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    });
  });
}
