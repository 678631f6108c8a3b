/** Tasks a second while a constant number is under way. */
import { COORDINATION_PARTITIONS } from '../pressure/events.js';
import { openBenchLog } from '../support/bench-log.js';
import { startBenchSwarm, type BenchSwarm } from '../support/bench-swarm.js';
import { figure, type Finding } from '../support/report.js';
import { quantile, rounds } from '../support/statistics.js';
import { createStubModel, createStubTools } from '../support/stubs.js';
import type { SpeedOptions } from './speed.js';

const IN_FLIGHT = [12, 60, 200, 1000];
/** Tasks of a mission, one after the other. */
const WAVES = 20;
const ROUND_MS = 3_000;

export async function measureInFlight({ cluster, projectDir, rounds: count, floors }: SpeedOptions): Promise<readonly Finding[]> {
  const floor = { name: 'records in batches', value: quantile(floors.recordsPerSecond, 0.5) };
  const figures = [];
  for (const inFlight of IN_FLIGHT) {
    const bench = await openBenchLog(cluster, projectDir, 1);
    let completed = 0;
    const swarm = await startBenchSwarm({
      bench, worker: { model: createStubModel({ steps: 0, delayMs: 0 }), tools: createStubTools(0) }, concurrency: Math.ceil(inFlight / bench.agents.length),
      witness: { onCompleted: () => void (completed += 1) },
    });
    const load = keepRunning(swarm, inFlight);
    try {
      const perRound = () => load.rate(() => completed, ROUND_MS);
      await perRound(); // warms up
      figures.push({ ...figure(`${inFlight} in flight`, 'tasks/s', ...(await rounds(count, perRound))), floor });
    } finally {
      await load.end();
      await swarm.close();
      await bench.close();
    }
  }
  return [{ title: 'tasks a second over twelve agents, one process', figures }];
}

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
    while (!isOver) await swarm.completed(await swarm.submit(Array.from({ length: WAVES }, (_, wave) => [agents[(index + wave) % agents.length] ?? '']), index % COORDINATION_PARTITIONS));
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
