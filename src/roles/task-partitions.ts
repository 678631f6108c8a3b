/** How many partitions each agent's tasks topic has, also when some are added while the role runs. */
import type { TopicNames } from '../domain/topic-names.js';
import type { LogAdmin, PartitionId } from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import { asError } from './role.js';

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
export async function createTaskPartitions({ admin, topics, roster, logger }: TaskPartitionsDeps): Promise<TaskPartitions> {
  const counts = new Map<string, number>();
  const asking = new Set<string>();
  const ask = async (topic: string) => void counts.set(topic, await admin.partitionCount(topic));
  await Promise.all(roster.map(({ name }) => ask(topics.tasks(name))));

  async function askAgain(topic: string): Promise<void> {
    if (asking.has(topic)) return;
    asking.add(topic);
    try {
      await ask(topic);
      logger.info({ topic, partitions: counts.get(topic) }, 'partitions.added');
    } catch (error) {
      logger.warn({ err: asError(error), topic }, 'partitions.not_counted'); // The worker's next sign of life asks again.
    } finally {
      asking.delete(topic);
    }
  }

  return {
    count: (agent) => counts.get(topics.tasks(agent)) ?? null,
    onHeld(partitions) {
      for (const { topic, partition } of partitions) {
        const known = counts.get(topic);
        if (known !== undefined && partition >= known) void askAgain(topic);
      }
    },
  };
}
