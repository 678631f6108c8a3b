/** The orchestrator's membership in the group that shares out the coordination topic. */
import type { GroupMember, PartitionAssignment, PartitionConsumer, PartitionId, SetApart } from '../../ports/log.js';
import { createCommits, type CommittedPartition } from '../shared/commits.js';
import { healthOfMembers } from '../shared/open-partitions.js';
import type { RoleHealth } from '../shared/role-health.js';
import type { OrchestratorDeps } from './orchestrator-context.js';

export interface GroupHandlers {
  open(assignment: PartitionAssignment): PartitionConsumer;
  /** As GroupOptions.onSetApart. */
  onSetApart(groupId: string, partitions: readonly SetApart[]): void;
}

export interface OrchestratorGroup {
  /** Whether the group says that the partition is ours; true as long as it has not said anything. */
  isAssigned(partition: PartitionId): boolean;
  /** Rejects as Log.joinGroup does. */
  join(handlers: GroupHandlers): Promise<void>;
  /** Commits the replay points of the open partitions that have moved; none before it has joined. */
  commit(partitions: readonly CommittedPartition[]): Promise<void>;
  leave(): Promise<void>;
  health(): Pick<RoleHealth, 'missing' | 'stalled'>;
}

export interface OrchestratorGroupOptions {
  readonly stalledMs: number;
  onFatal(error: Error): void;
}

export function createOrchestratorGroup(
  { log, logger, topics }: OrchestratorDeps,
  { stalledMs, onFatal }: OrchestratorGroupOptions,
): OrchestratorGroup {
  const groupId = topics.orchestratorGroup;
  const commits = createCommits(logger);
  let member: GroupMember | null = null;
  return {
    isAssigned: (partition) => member?.isAssigned(partition) ?? true,
    async join({ open, onSetApart }) {
      member = await log.joinGroup({
        groupId,
        topics: [topics.coordination],
        open,
        onSetApart: (apart) => onSetApart(groupId, apart),
        onFatal,
      });
    },
    async commit(partitions) {
      if (member !== null) await commits.run(member, partitions);
    },
    async leave() {
      await member?.leave();
    },
    health: () => healthOfMembers(new Map([[groupId, member]]), stalledMs),
  };
}
