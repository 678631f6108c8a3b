/** Tasks a second while a constant number is under way. */
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

/** As many missions as tasks: each has one task under way, and a new one follows each that has ended. */
export async function measureInFlight({ cluster, projectDir, rounds: count, floors }: SpeedOptions): Promise<readonly Finding[]> {
  const floor = { name: 'records in batches', value: quantile(floors.recordsPerSecond, 0.5) };
  const figures = [];
  for (const inFlight of IN_FLIGHT) {
    const bench = await openBenchLog(cluster, projectDir, 1);
    let completed = 0;
    const swarm = await startBenchSwarm({
      bench, model: createStubModel({ steps: 0, delayMs: 0 }), tools: createStubTools(0), concurrency: Math.ceil(inFlight / bench.agents.length),
      witness: { onCompleted: () => void (completed += 1) },
    });
    let isOver = false;
    const load = Array.from({ length: inFlight }, (_, index) => keepOneRunning(swarm, index, () => isOver));
    try {
      const perRound = async () => {
        const [before, startedMs] = [completed, performance.now()];
        await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
        return ((completed - before) * 1000) / (performance.now() - startedMs);
      };
      await perRound(); // warms up
      figures.push({ ...figure(`${inFlight} in flight`, 'tasks/s', ...(await rounds(count, perRound))), floor });
    } finally {
      isOver = true;
      await Promise.all(load);
      await swarm.close();
      await bench.close();
    }
  }
  return [{ title: 'tasks a second over twelve agents, one process', figures }];
}

async function keepOneRunning(swarm: BenchSwarm, index: number, isOver: () => boolean): Promise<void> {
  const { agents } = swarm;
  while (!isOver()) await swarm.completed(await swarm.submit(Array.from({ length: WAVES }, (_, wave) => [agents[(index + wave) % agents.length] ?? '']), index % 12));
}
