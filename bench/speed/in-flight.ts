/** Tasks a second while a constant number is under way. */
import { openBenchLog } from '../support/bench-log.js';
import { startBenchSwarm } from '../support/bench-swarm.js';
import { keepRunning } from '../support/load.js';
import { figure, type Finding } from '../support/report.js';
import { quantile, rounds } from '../support/statistics.js';
import { createStubModel, createStubTools } from '../support/stubs.js';
import type { SpeedOptions } from './options.js';

const IN_FLIGHT = [12, 60, 200, 1000];
const ROUND_MS = 3_000;

export async function measureInFlight({
  cluster,
  projectDir,
  rounds: count,
  floors,
}: SpeedOptions): Promise<readonly Finding[]> {
  const floor = { name: 'records in batches', value: quantile(floors.recordsPerSecond, 0.5) };
  const figures = [];
  for (const inFlight of IN_FLIGHT) {
    const bench = await openBenchLog(cluster, projectDir, 1);
    let completed = 0;
    const swarm = await startBenchSwarm({
      bench,
      worker: { model: createStubModel({ steps: 0, delayMs: 0 }), tools: createStubTools(0) },
      concurrency: Math.ceil(inFlight / bench.agents.length),
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
