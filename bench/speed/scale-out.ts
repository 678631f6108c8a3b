/** Whether more worker processes do more, beside what models and tools alone would allow. */
import { openBenchLog } from '../support/bench-log.js';
import { startBenchSwarm } from '../support/bench-swarm.js';
import { keepRunning } from '../support/load.js';
import { figure, type Finding } from '../support/report.js';
import { rounds } from '../support/statistics.js';
import { startWorkerProcess } from '../support/worker-process.js';
import type { SpeedOptions } from './options.js';

/** What the first system that was built this way took for a task: a model of 200 ms, and a tool of 50 ms. */
const MODEL_MS = 200;
const TOOL_MS = 50;
const PROCESSES = [1, 2, 4];
/** Tasks that are under way at once, over all processes; no agent's own limit is reached. */
const WORKERS = [12, 60];
const ROUND_MS = 5_000;

/** A task is one model call, one tool call, and a last model call that says at once that it is done. */
export async function measureScaleOut({
  cluster,
  projectDir,
  rounds: count,
}: SpeedOptions): Promise<readonly Finding[]> {
  const figures = [];
  for (const workers of WORKERS) {
    for (const processes of PROCESSES) {
      const bench = await openBenchLog(cluster, projectDir, 1);
      let completed = 0;
      const running = await Promise.all(
        Array.from({ length: processes }, () =>
          startWorkerProcess({
            cluster,
            projectDir,
            prefix: bench.prefix,
            agents: bench.agents,
            concurrency: workers,
            maxSteps: 5,
            model: { steps: 1, delayMs: MODEL_MS, lastDelayMs: 0 },
            toolMs: TOOL_MS,
          }),
        ),
      );
      const swarm = await startBenchSwarm({
        bench,
        concurrency: workers,
        witness: { onCompleted: () => void (completed += 1) },
      });
      const load = keepRunning(swarm, workers);
      try {
        await load.rate(() => completed, ROUND_MS); // warms up
        const ideal = (workers * 1000) / (MODEL_MS + TOOL_MS);
        figures.push({
          ...figure(
            `${workers} workers in ${processes} ${processes === 1 ? 'process' : 'processes'}`,
            'tasks/s',
            ...(await rounds(count, () => load.rate(() => completed, ROUND_MS))),
          ),
          floor: { name: 'models and tools alone', value: ideal },
        });
      } finally {
        await load.end();
        await swarm.close();
        await Promise.all(running.map((each) => each.close()));
        await bench.close();
      }
    }
  }
  return [{ title: `scale out: a model of ${MODEL_MS} ms and a tool of ${TOOL_MS} ms`, figures }];
}
