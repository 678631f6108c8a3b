import { startChild, type ChildProcess } from './child-process.js';
import type { Cluster } from './product-log.js';
import type { StubModelOptions } from './stubs.js';

export interface WorkerProcessOptions {
  readonly cluster: Cluster;
  readonly projectDir: string;
  readonly prefix: string;
  readonly agents: readonly string[];
  readonly concurrency: number;
  readonly maxSteps: number;
  readonly model: StubModelOptions;
  /** Milliseconds that a tool call takes. */
  readonly toolMs: number;
}

/** Resolves when its groups have taken it in; rejects when it ends before. */
export function startWorkerProcess(options: WorkerProcessOptions): Promise<ChildProcess> {
  return startChild('bench-worker.js', options);
}
