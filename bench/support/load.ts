/** A constant number of tasks under way. */
import { COORDINATION_PARTITIONS } from '../pressure/events.js';
import type { BenchSwarm } from './bench-swarm.js';

/** Tasks of a mission, one after the other. */
const WAVES = 20;

export interface Load {
  /** What a counter gained a second, over the next so many milliseconds. */
  rate(count: () => number, ms: number): Promise<number>;
  /** No new mission begins; resolves when the last has ended. */
  end(): Promise<void>;
}

/** As many missions as tasks: each has one task under way, and a new one follows each that has ended. */
export function keepRunning(swarm: BenchSwarm, inFlight: number): Load {
  let isOver = false;
  const { agents } = swarm;
  async function oneAfterTheOther(index: number): Promise<void> {
    while (!isOver)
      await swarm.completed(
        await swarm.submit(
          Array.from({ length: WAVES }, (_, wave) => [agents[(index + wave) % agents.length] ?? '']),
          index % COORDINATION_PARTITIONS,
        ),
      );
  }
  const all = Promise.all(Array.from({ length: inFlight }, (_, index) => oneAfterTheOther(index)));
  return {
    async rate(count, ms) {
      const [before, startedMs] = [count(), performance.now()];
      await new Promise((resolve) => setTimeout(resolve, ms));
      return ((count() - before) * 1000) / (performance.now() - startedMs);
    },
    async end() {
      isOver = true;
      await all;
    },
  };
}
