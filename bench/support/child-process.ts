/** A child process of the bench: reports that it is ready, and ends when its parent disconnects. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { closeOnce } from './closing.js';

export interface ChildProcess {
  /** What it had to say when it was ready. */
  readonly ready: string;
  close(): Promise<void>;
}

/** @param module beside this one. Resolves when it is ready; rejects when it ends before. */
export async function startChild(module: string, options: object): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), [JSON.stringify(options)]);
  const exited = once(child, 'exit');
  const [ready] = await Promise.race([once(child, 'message'), exited.then(() => [null])]);
  if (ready === null) throw new Error(`${module} has ended before it was ready`);
  return {
    ready: String(ready),
    close: closeOnce(async () => {
      child.send('stop');
      await exited;
    }),
  };
}

/** In such a process: tells its parent. @param close ends what would keep the process alive */
export function sayReady(what: string, close: () => Promise<void>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', () => void close().then(() => process.exit()));
  process.send?.(what);
}
