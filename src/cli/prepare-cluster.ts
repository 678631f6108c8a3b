import { join } from 'node:path';
import type { Roster } from '../agent/roster.js';
import { loadTopicPlan, type PlannedTopic } from '../kafka/topic-plan.js';
import type { Log, TopicDifference } from '../ports/log.js';
import type { CommandContext } from './context.js';

export interface PreparedCluster {
  readonly topics: readonly string[];
  readonly plan: readonly PlannedTopic[];
  /** What exists otherwise than topics.yaml has it; it was told on stderr and left as it is. */
  readonly differences: readonly TopicDifference[];
}

/** Creates the topics that are missing. Schemas were registered when the log was opened. */
export async function prepareCluster(context: CommandContext, log: Log, roster: Roster): Promise<PreparedCluster> {
  const plan = await loadTopicPlan(join(context.host.projectDir, 'topics.yaml'), context.topics, roster.names);
  const differences = await log.admin.ensureTopics(plan);
  for (const { topic, setting, expected, actual } of differences) {
    context.logger.warn({ topic, setting, expected, actual }, 'topic.differs');
  }
  return { topics: plan.map((topic) => topic.name), plan, differences };
}
