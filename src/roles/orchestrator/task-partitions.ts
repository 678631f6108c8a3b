/** How many partitions each agent's tasks topic has, also when some are added while the role runs. */
import type { TopicNames } from '../../domain/topic-names.js';
import type { LogAdmin, PartitionId } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { asError } from '../../domain/as-error.js';

export interface TaskPartitionsDeps {
  readonly admin: Pick<LogAdmin, 'partitionCount'>;
  readonly topics: TopicNames;
  readonly roster: readonly { readonly name: string }[];
  readonly logger: Logger;
}

export interface TaskPartitions {
  /** null: this swarm has no such agent. */
  count(agent: string): number | null;
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
}: TaskPartitionsDeps): Promise<TaskPartitions> {
  const agentOf = new Map(roster.map(({ name }) => [topics.tasks(name), name]));
  const counts = new Map<string, number>();
  const asking = new Set<string>();
  const ask = async (agent: string) => void counts.set(agent, await admin.partitionCount(topics.tasks(agent)));
  await Promise.all(roster.map(({ name }) => ask(name)));

  async function askAgain(agent: string): Promise<void> {
    if (asking.has(agent)) return;
    asking.add(agent);
    try {
      await ask(agent);
      logger.info({ agent, partitions: counts.get(agent) }, 'partitions.added');
    } catch (error) {
      // The worker's next sign of life asks again.
      logger.warn({ err: asError(error), agent }, 'partitions.not_counted');
    } finally {
      asking.delete(agent);
    }
  }

  return {
    count: (agent) => counts.get(agent) ?? null,
    onHeld(partitions) {
      for (const { topic, partition } of partitions) {
        const agent = agentOf.get(topic);
        if (agent !== undefined && partition >= (counts.get(agent) ?? Infinity)) void askAgain(agent);
      }
    },
  };
}
