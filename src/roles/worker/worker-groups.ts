/** A worker's consumer groups: one for each agent that the process serves. */
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
  open(agent: string, assignment: PartitionAssignment): PartitionConsumer;
  /** As GroupOptions.onSetApart, for one of the groups. */
  onSetApart(groupId: string, partitions: readonly SetApart[]): void;
}

export interface WorkerGroups {
  /** Whether the agent's group says that the partition is ours; true as long as it has not said anything. */
  isAssigned(partition: PartitionId, agent: string): boolean;
  /** Rejects only when every join has ended: a member that is there afterwards is one that leave() knows. */
  joinAll(agents: readonly string[]): Promise<void>;
  /** Joins the group of an agent that was added. Until then the health does not miss it. Rejects as Log.joinGroup. */
  join(agent: string): Promise<void>;
  /** Agents whose groups were joined. */
  joined(): readonly string[];
  /** Commits the replay points of the open partitions that have moved. */
  commitAll(partitions: readonly (CommittedPartition & { readonly agent: string })[]): Promise<void>;
  /** Leaves the group of one agent. */
  leaveOne(agent: string): Promise<void>;
  leave(): Promise<void>;
  health(): Pick<RoleHealth, 'missing' | 'stalled'>;
}

export interface WorkerGroupsOptions {
  readonly log: Log;
  readonly logger: Logger;
  readonly topics: TopicNames;
  readonly handlers: GroupHandlers;
  readonly stalledMs: number;
  onFatal(error: Error): void;
}

export function createWorkerGroups(options: WorkerGroupsOptions): WorkerGroups {
  const { log, logger, topics, handlers, stalledMs, onFatal } = options;
  const groupOf = (agent: string) => topics.workerGroup(agent);
  /** By agent; null until it has joined. */
  const members = new Map<string, GroupMember | null>();
  const commits = createCommits(logger);

  async function join(agent: string): Promise<void> {
    const groupId = groupOf(agent);
    const member = await log.joinGroup({
      groupId,
      topics: [topics.tasks(agent)],
      open: (assignment) => handlers.open(agent, assignment),
      onSetApart: (apart) => handlers.onSetApart(groupId, apart),
      onFatal,
    });
    members.set(agent, member);
  }

  return {
    isAssigned: (partition, agent) => members.get(agent)?.isAssigned(partition) ?? true,
    async joinAll(agents) {
      for (const agent of agents) members.set(agent, null);
      const ends = await Promise.allSettled(agents.map(join));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    },
    join,
    joined: () => [...members].flatMap(([agent, member]) => (member === null ? [] : [agent])),
    async commitAll(partitions) {
      const commit = async ([name, member]: readonly [string, GroupMember | null]) => {
        const own = partitions.filter(({ agent }) => agent === name);
        if (member !== null) await commits.run(member, own);
      };
      await Promise.all([...members].map(commit));
    },
    async leaveOne(agent) {
      const member = members.get(agent);
      members.delete(agent);
      await member?.leave();
    },
    async leave() {
      await Promise.all([...members.values()].map(async (member) => member?.leave()));
    },
    health: () => healthOfMembers(new Map([...members].map(([agent, member]) => [groupOf(agent), member])), stalledMs),
  };
}
