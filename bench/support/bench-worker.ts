/** A worker in a separate process, for benches that count processes. */
import { createTopicNames } from '../../src/domain/topic-names.js';
import { specOf, startWorker } from './bench-roles.js';
import { sayReady } from './child-process.js';
import { openProductLog } from './product-log.js';
import type { WorkerProcessOptions } from './worker-process.js';
import { createStubModel, createStubTools } from './stubs.js';

const { cluster, projectDir, prefix, agents, concurrency, maxSteps, model, toolMs }: WorkerProcessOptions = JSON.parse(
  process.argv[2] ?? '{}',
);
const log = await openProductLog(cluster, projectDir, prefix, `bench-worker-${process.pid}`);
const worker = await startWorker(
  { log, topics: createTopicNames(prefix), roster: agents.map((name) => specOf(name, concurrency, maxSteps)) },
  createStubModel(model),
  createStubTools(toolMs),
);
sayReady('worker', () => worker.stop().then(() => log.close()));
