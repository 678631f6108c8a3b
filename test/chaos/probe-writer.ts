/** Writes all the time with the product's own appender, and compares what was acknowledged with what the log holds. */
import { ensureTopics } from '../../src/kafka/ensure-topics.js';
import { createTopicSettings } from '../../src/kafka/topic-settings.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { TopicNames } from '../../src/domain/topic-names.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { AppendFailed, type Appended, type Appender, type Watch } from '../../src/ports/log.js';
import { SWARM_LOGIN, type Cluster } from './cluster.js';
import { silent } from './observer.js';
import type { Site } from './site.js';
import { lostAppends } from './verdict.js';

export interface ProbeWriter {
  readonly topic: string;
  acknowledged(): number;
  /** Ends the writing and reads everything back; resolves with what is missing or is elsewhere, in words. */
  compare(): Promise<readonly string[]>;
}

const PARTITIONS = 6;
const EVERY_MS = 200;

export async function startProbeWriter(site: Site, cluster: Cluster, topics: TopicNames): Promise<ProbeWriter> {
  const topic = `${topics.prefix}.probe`;
  await cluster.admin((admin) =>
    ensureTopics(
      admin,
      [{ name: topic, partitions: PARTITIONS, replicationFactor: 3, config: {} }],
      site.clock,
      createTopicSettings(silent),
    ),
  );
  const options = {
    registry: { url: cluster.registryUrl },
    schemasDir: `${site.root}/schemas`,
    prefix: `${topics.prefix}.probe`,
    clock: site.clock,
    ids: site.ids,
    random: Math.random,
    logger: silent,
  };
  const log = await createKafkaLog({
    ...options,
    brokers: cluster.clientBrokers,
    sasl: SWARM_LOGIN,
    clientId: 'chaos-probe',
  });
  const createEvent = createEventFactory(site);
  const acknowledged = new Map<string, string>();
  let wanted = true;
  let appender: Appender = log.createAppender('probe');

  const write = async (partition: number) => {
    const event = createEvent({
      type: 'request_status',
      from: 'probe',
      payload: { request_id: site.ids.uuid(), requested_by: 'probe' },
    });
    const at: Appended = await appender.append({ topic, partition, key: `probe/${partition}`, event });
    acknowledged.set(`${at.partition}/${at.offset}`, event.event_id);
  };
  const writeOn = async (partition: number) => {
    while (wanted && !site.signal.aborted) {
      await write(partition).catch((error: unknown) => {
        // The appender gave up the partition; nothing was acknowledged. A role would restart, and so does this writer.
        if (!(error instanceof AppendFailed)) throw error;
        appender = log.createAppender('probe');
      });
      await site.pause(EVERY_MS);
    }
  };
  const writing = Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => writeOn(partition))).catch(
    (error: unknown) => {
      if (!site.signal.aborted) throw error;
    },
  );
  site.onEnd('the probe writer', async () => {
    wanted = false;
    await log.close();
  });

  return {
    topic,
    acknowledged: () => acknowledged.size,
    async compare() {
      wanted = false;
      await writing;
      const found = await readAll();
      return lostAppends(topic, acknowledged, found);
    },
  };

  async function readAll(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    const reader = await createKafkaLog({ ...options, brokers: cluster.innerBrokers, clientId: 'chaos-probe-reader' });
    const endWith = (watch: Watch) =>
      site.onEnd('the probe reader', async () => {
        try {
          await watch.stop();
        } finally {
          await reader.close();
        }
      });
    try {
      await new Promise<void>((resolve, reject) => {
        void reader
          .watch({
            topics: [topic],
            from: 'beginning',
            onCaughtUp: resolve,
            onFatal: reject,
            onRecord: ({ partition, offset, content }) =>
              void (content.kind === 'event' && found.set(`${partition}/${offset}`, content.event.event_id)),
          })
          .then(endWith, reject);
      });
    } catch (error) {
      await reader.close();
      throw error;
    }
    return found;
  }
}
