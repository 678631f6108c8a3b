/** A swarm's topics under their own prefix on the bench's broker; deleted when the bench ends. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { createTopicNames, type TopicNames } from '../../src/domain/topic-names.js';
import type { KafkaLog } from '../../src/kafka/kafka-log.js';
import { loadTopicPlan } from '../../src/avro/topic-plan.js';
import type { AppendRequest } from '../../src/ports/log.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { closeOnce } from './closing.js';
import { openProductLog, type Cluster } from './product-log.js';

export interface BenchLog {
  readonly log: KafkaLog;
  /** Of its topics and groups. */
  readonly prefix: string;
  readonly topics: TopicNames;
  /** Every agent of the product: with the playbook `slow`, or as the product has it. */
  readonly agents: readonly string[];
  readonly workspaceMarker: string;
  /** The files of the agents. */
  readonly agentsDir: string;
  readonly workspaceRoot: string;
  /** Of a process that runs a role on this log. */
  readonly env: Readonly<Record<string, string>>;
  readonly kafka: Kafka;
  /** Appends with the product's own appender, a bounded number at a time. Resolves with how many were written. */
  write(records: Iterable<AppendRequest>): Promise<number>;
  close(): Promise<void>;
}

/** At most 8 MB of the largest records. */
const RECORDS_IN_FLIGHT = 500;

/** How long the step of the agents' playbook takes, or how many tasks each of the product's own agents runs at once. */
type BenchAgents = number | { readonly concurrency: number };

/** @param coordination settings that the coordination topic has instead of the product's when it is created */
export async function openBenchLog(
  cluster: Cluster,
  projectDir: string,
  wanted: BenchAgents,
  coordination: Readonly<Record<string, string>> = {},
): Promise<BenchLog> {
  const { brokers, registryUrl } = cluster;
  const prefix = `bench-${randomUUID().slice(0, 8)}`;
  const topics = createTopicNames(prefix);
  const dir = await mkdtemp(join(tmpdir(), 'ravenhelm-bench-'));
  const agentsDir = join(projectDir, 'agents');
  const agents = (await readdir(agentsDir)).map((name) => name.replace(/\.md$/, '')).sort();
  for (const name of agents) {
    const file = `${name}.md`;
    const text =
      typeof wanted === 'number'
        ? agentFile(name, wanted)
        : alongside(await readFile(join(agentsDir, file), 'utf8'), wanted.concurrency);
    await writeFile(join(dir, file), text);
  }
  const log = await openProductLog(cluster, projectDir, prefix, 'bench');
  const plan = await loadTopicPlan(join(projectDir, 'topics.yaml'), topics, agents);
  await log.admin.ensureTopics(
    plan.map((topic) =>
      topic.name === topics.coordination ? { ...topic, config: { ...topic.config, ...coordination } } : topic,
    ),
  );
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
  const appender = log.createAppender('bench');
  const workspaces = join(dir, 'workspaces');
  return {
    log,
    prefix,
    topics,
    agents,
    kafka,
    agentsDir: dir,
    workspaceRoot: workspaces,
    workspaceMarker: await workspaceMarker(workspaces),
    env: {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: prefix,
      RAVENHELM_AGENTS_DIR: dir,
      WORKSPACE_ROOT: workspaces,
      WORKER_MODELS: 'playbook',
      LOG_LEVEL: 'info',
    },
    async write(records) {
      let count = 0;
      let inFlight: Promise<unknown>[] = [];
      for (const record of records) {
        inFlight.push(appender.append(record));
        count += 1;
        if (inFlight.length < RECORDS_IN_FLIGHT) continue;
        await Promise.all(inFlight);
        inFlight = [];
      }
      await Promise.all(inFlight);
      return count;
    },
    close: closeOnce(async () => {
      await appender.close();
      await log.close();
      const admin = kafka.admin();
      await admin.connect();
      await admin.deleteTopics({ topics: plan.map(({ name }) => name) });
      await admin.disconnect();
      await rm(dir, { recursive: true, force: true });
    }),
  };
}

/** Each can be in any wave. */
const alongside = (text: string, concurrency: number): string =>
  text.replace(/^concurrency: .*$/m, `concurrency: ${concurrency}`).replace(/^depends_on: .*$/m, 'depends_on: []');

const agentFile = (name: string, slowSeconds: number): string => `---
name: ${name}
description: ${name} takes its time.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 3600
max_steps: 5
playbooks:
  slow:
    steps:
      - name: slow
        command: sleep ${slowSeconds}
---
You take your time.
`;
