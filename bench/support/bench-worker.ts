/** A worker in a process of its own, for benches that count processes. Says "ready" to its parent; ends when that lets go of it. */
import { createTopicNames } from '../../src/domain/topic-names.js';
import { specOf, startWorker } from './bench-roles.js';
import { openProductLog } from './product-log.js';
import type { WorkerProcessOptions } from './worker-process.js';
import { createStubModel, createStubTools } from './stubs.js';

const { cluster, projectDir, prefix, agents, concurrency, maxSteps, model, toolMs }: WorkerProcessOptions = JSON.parse(process.argv[2] ?? '{}');
const log = await openProductLog(cluster, projectDir, prefix, `bench-worker-${process.pid}`);
const worker = await startWorker(
  { log, topics: createTopicNames(prefix), roster: agents.map((name) => specOf(name, concurrency, maxSteps)) },
  createStubModel(model), createStubTools(toolMs),
);
process.on('disconnect', () => process.exit());
process.on('message', () => void worker.stop().then(() => log.close()).then(() => process.exit()));
process.send?.('ready');
