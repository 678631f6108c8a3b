/** Tasks a second while a constant number is under way. */
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { startBenchSwarm, type BenchSwarmOptions } from '../support/bench-swarm.js';
import { keepRunning } from '../support/load.js';
import { figure, type Figure, type Finding } from '../support/report.js';
import { quantile, rounds } from '../support/statistics.js';
import { createStubModel, createStubTools } from '../support/stubs.js';
import { startWorkerProcess } from '../support/worker-process.js';
import type { SpeedOptions } from './options.js';

const IN_FLIGHT = [12, 60, 200, 1000];
const ROUND_MS = 3_000;

const MODEL = { steps: 0, delayMs: 0 };

type Options = Pick<SpeedOptions, 'cluster' | 'projectDir' | 'rounds' | 'floors'>;

export async function measureInFlight(options: Options): Promise<readonly Finding[]> {
  return [
    {
      title: 'tasks a second over twelve agents, one process',
      figures: await figuresOf(options, async () => ({
        worker: { model: createStubModel(MODEL), tools: createStubTools(0) },
      })),
    },
    {
      title: 'tasks a second over twelve agents, orchestrator and worker in two processes',
      figures: await figuresOf(options, async (bench, concurrency) => {
        const { prefix, agents } = bench;
        const { cluster, projectDir } = options;
        const others = { ...{ cluster, projectDir, prefix, agents, concurrency }, ...{ maxSteps: 5, toolMs: 0 } };
        return { elsewhere: await startWorkerProcess({ ...others, model: MODEL }) };
      }),
    },
  ];
}

/** Where the worker is: in this process, or in another. */
interface Placed {
  readonly worker?: BenchSwarmOptions['worker'];
  readonly elsewhere?: { close(): Promise<void> };
}

async function figuresOf(
  { cluster, projectDir, rounds: count, floors }: Options,
  place: (bench: BenchLog, concurrency: number) => Promise<Placed>,
): Promise<readonly Figure[]> {
  const floor = { name: 'records in batches', value: quantile(floors.recordsPerSecond, 0.5) };
  const figures: Figure[] = [];
  for (const inFlight of IN_FLIGHT) {
    const bench = await openBenchLog(cluster, projectDir, 1);
    const concurrency = Math.ceil(inFlight / bench.agents.length);
    const { worker, elsewhere } = await place(bench, concurrency);
    let completed = 0;
    const swarm = await startBenchSwarm({
      bench,
      concurrency,
      ...(worker === undefined ? {} : { worker }),
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
      await elsewhere?.close();
      await bench.close();
    }
  }
  return figures;
}
