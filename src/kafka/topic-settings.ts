// kafkajs is CommonJS, and node cannot see all of its names: the values come from the default import.
import kafkajs, { type Admin } from 'ravenhelm-kafkajs';
import type { Logger } from '../ports/logger.js';
import { grantText, isForbidden } from './errors.js';

/** Broker settings of topics, by their Kafka names. */
export type Settings = Readonly<Record<string, string>>;

export interface TopicSettings {
  /** By topic; without those whose settings this user may not read, which are logged once. */
  read(admin: Pick<Admin, 'describeConfigs'>, topics: readonly string[]): Promise<ReadonlyMap<string, Settings>>;
}

export function createTopicSettings(logger: Logger): TopicSettings {
  const said = new Set<string>();

  const unreadable = (topic: string) => {
    if (said.has(topic)) return;
    said.add(topic);
    const nextStep = grantText({ operation: 'DESCRIBE_CONFIGS', resource: 'topic', names: [topic] });
    logger.warn({ topic, next_step: nextStep }, 'kafka.settings_unreadable');
  };

  async function read(
    admin: Pick<Admin, 'describeConfigs'>,
    topics: readonly string[],
  ): Promise<ReadonlyMap<string, Settings>> {
    try {
      return await ask(admin, topics);
    } catch (error) {
      if (!isForbidden(error)) throw error;
      const [only, ...others] = topics;
      if (only !== undefined && others.length === 0) {
        unreadable(only);
        return new Map();
      }
      // One that is forbidden fails the question about all: then each by itself.
      const found = new Map<string, Settings>();
      for (const topic of topics) for (const [name, settings] of await read(admin, [topic])) found.set(name, settings);
      return found;
    }
  }
  return { read };
}

async function ask(
  admin: Pick<Admin, 'describeConfigs'>,
  topics: readonly string[],
): Promise<ReadonlyMap<string, Settings>> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  return new Map(
    resources.map(({ resourceName, configEntries }) => [
      resourceName,
      Object.fromEntries(configEntries.map((entry) => [entry.configName, entry.configValue])),
    ]),
  );
}
