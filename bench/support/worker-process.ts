import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Cluster } from './product-log.js';
import { closeOnce } from './closing.js';
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

export interface WorkerProcess {
  close(): Promise<void>;
}

/** Resolves when its groups have taken it in; rejects when it ends before. */
export async function startWorkerProcess(options: WorkerProcessOptions): Promise<WorkerProcess> {
  const child = fork(fileURLToPath(new URL('bench-worker.js', import.meta.url)), [JSON.stringify(options)]);
  const exited = once(child, 'exit');
  const ready = await Promise.race([once(child, 'message').then(() => true), exited.then(() => false)]);
  if (!ready) throw new Error('a worker of the bench has ended before it was ready');
  return {
    close: closeOnce(async () => {
      child.send('stop');
      await exited;
    }),
  };
}
