/** A worker in a process of its own, for benches that count processes. Says "ready" to its parent; ends when that lets go of it. */
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';
import { specOf, startWorker } from './bench-roles.js';
import type { WorkerProcessOptions } from './worker-process.js';
import { createStubModel, createStubTools } from './stubs.js';

const { cluster, projectDir, prefix, agents, concurrency, maxSteps, model, toolMs }: WorkerProcessOptions = JSON.parse(process.argv[2] ?? '{}');
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const log = await createKafkaLog({
  brokers: cluster.brokers, clientId: `bench-worker-${process.pid}`, registry: { url: cluster.registryUrl }, schemasDir: `${projectDir}/schemas`, prefix,
  clock: createSystemClock(), ids: createSystemIds(), random: Math.random, logger: silent,
});
const worker = await startWorker(
  { log, topics: createTopicNames(prefix), roster: agents.map((name) => specOf(name, concurrency, maxSteps)) },
  createStubModel(model), createStubTools(toolMs),
);
process.on('disconnect', () => process.exit());
process.on('message', () => void worker.stop().then(() => log.close()).then(() => process.exit()));
process.send?.('ready');
