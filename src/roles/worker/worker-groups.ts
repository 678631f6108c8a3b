/** A worker's consumer groups: one for each agent that the process serves. */
import type { AgentSpec } from '../../domain/agent-spec.js';
import type { TopicNames } from '../../domain/topic-names.js';
import type {
  GroupMember,
  Log,
  PartitionAssignment,
  PartitionConsumer,
  PartitionId,
  SetApart,
} from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { createCommits, type CommittedPartition } from '../shared/commits.js';
import { healthOfMembers } from '../shared/open-partitions.js';
import type { RoleHealth } from '../shared/role-health.js';

export interface GroupHandlers {
  open(agent: AgentSpec, assignment: PartitionAssignment): PartitionConsumer;
  /** As GroupOptions.onSetApart, for one of the groups. */
  onSetApart(groupId: string, partitions: readonly SetApart[]): void;
}

export interface WorkerGroups {
  /** Whether the agent's group says that the partition is ours; true as long as it has not said anything. */
  isAssigned(partition: PartitionId, agent: string): boolean;
  /** Rejects only when every join has ended: a member that is there afterwards is one that leave() knows. */
  joinAll(handlers: GroupHandlers): Promise<void>;
  /** Commits the replay points of the open partitions that have moved. */
  commitAll(partitions: readonly (CommittedPartition & { readonly agent: string })[]): Promise<void>;
  leave(): Promise<void>;
  health(): Pick<RoleHealth, 'missing' | 'stalled'>;
}

export interface WorkerGroupsOptions {
  readonly log: Log;
  readonly logger: Logger;
  readonly topics: TopicNames;
  readonly agents: readonly AgentSpec[];
  readonly stalledMs: number;
  onFatal(error: Error): void;
}

export function createWorkerGroups(options: WorkerGroupsOptions): WorkerGroups {
  const { log, logger, topics, agents, stalledMs, onFatal } = options;
  const groupOf = (agent: string) => topics.workerGroup(agent);
  /** By group; null until it has joined. */
  const members = new Map<string, GroupMember | null>(agents.map(({ name }) => [groupOf(name), null]));
  const memberOf = (agent: string) => members.get(groupOf(agent)) ?? null;
  const commits = createCommits(logger);
  return {
    isAssigned: (partition, agent) => memberOf(agent)?.isAssigned(partition) ?? true,
    async joinAll(handlers) {
      const join = async (agent: AgentSpec) => {
        const groupId = groupOf(agent.name);
        const member = await log.joinGroup({
          groupId,
          topics: [topics.tasks(agent.name)],
          open: (assignment) => handlers.open(agent, assignment),
          onSetApart: (apart) => handlers.onSetApart(groupId, apart),
          onFatal,
        });
        members.set(groupId, member);
      };
      const ends = await Promise.allSettled(agents.map(join));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
    async commitAll(partitions) {
      const commit = async ({ name }: AgentSpec) => {
        const member = memberOf(name);
        const own = partitions.filter(({ agent }) => agent === name);
        if (member !== null) await commits.run(member, own);
      };
      await Promise.all(agents.map(commit));
    },
    async leave() {
      await Promise.all([...members.values()].map(async (member) => member?.leave()));
    },
    health: () => healthOfMembers(members, stalledMs),
  };
}
