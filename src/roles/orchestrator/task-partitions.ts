/** How many partitions each agent's tasks topic has, also when agents or partitions are added while the role runs. */
import type { LiveAgents } from '../../agent/live-agents.js';
import type { TopicNames } from '../../domain/topic-names.js';
import type { LogAdmin, PartitionId } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { asError } from '../../domain/as-error.js';

export interface TaskPartitionsDeps {
  readonly admin: Pick<LogAdmin, 'partitionCount'>;
  readonly topics: TopicNames;
  readonly roster: Pick<LiveAgents, 'list'>;
  readonly logger: Logger;
  /** The topic of an agent that was added was counted: its tasks can be assigned. */
  onCounted(agent: string): void;
}

export interface TaskPartitions {
  /** null: this process has never had such an agent, or its topic is not counted yet. */
  count(agent: string): number | null;
  /** Counts the topics of agents that were added. */
  onAgentsChanged(): void;
  /**
   * Partitions that a worker says it holds. One beyond those that are known was added: the cluster is asked, and new
   * tasks are spread over all of them. A task that was assigned before stays where its record says.
   */
  onHeld(partitions: readonly PartitionId[]): void;
}

/** Rejects as LogAdmin.partitionCount does. */
export async function createTaskPartitions({
  admin,
  topics,
  roster,
  logger,
  onCounted,
}: TaskPartitionsDeps): Promise<TaskPartitions> {
  const counts = new Map<string, number>();
  const asking = new Set<string>();
  const ask = async (agent: string) => void counts.set(agent, await admin.partitionCount(topics.tasks(agent)));
  await Promise.all(roster.list().map(({ name }) => ask(name)));

  async function askAgain(agent: string): Promise<void> {
    if (asking.has(agent)) return;
    asking.add(agent);
    const isNew = !counts.has(agent);
    try {
      await ask(agent);
      logger.info({ agent, partitions: counts.get(agent) }, 'partitions.added');
    } catch (error) {
      // The next sign of life asks again.
      logger.warn({ err: asError(error), agent }, 'partitions.not_counted');
    } finally {
      asking.delete(agent);
    }
    if (isNew && counts.has(agent)) onCounted(agent);
  }

  function countNew(): void {
    for (const { name } of roster.list()) if (!counts.has(name)) void askAgain(name);
  }

  return {
    count: (agent) => counts.get(agent) ?? null,
    onAgentsChanged: countNew,
    onHeld(partitions) {
      countNew();
      const agentOf = new Map(roster.list().map(({ name }) => [topics.tasks(name), name]));
      for (const { topic, partition } of partitions) {
        const agent = agentOf.get(topic);
        if (agent !== undefined && partition >= (counts.get(agent) ?? Infinity)) void askAgain(agent);
      }
    },
  };
}
