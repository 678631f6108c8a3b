import { once } from 'node:events';
import type { SwarmProcesses } from './swarm-processes.js';

/** A process of the swarm and its supervisor: one that gives up is started again, as a container's policy does. */
export function supervise(swarm: SwarmProcesses, ...args: string[]) {
  const codes: (number | null)[] = [];
  let stopping = false;
  let current = swarm.start(...args);
  const watch = (process: typeof current) =>
    void once(process.child, 'exit').then(() => {
      codes.push(process.child.exitCode);
      if (stopping) return;
      current = swarm.start(...args);
      watch(current);
    });
  watch(current);
  return {
    codes,
    log: () => current.log(),
    stop(): Promise<number | null> {
      stopping = true;
      return current.terminate();
    },
  };
}
