/** What a swarm takes that has nothing to do. */
import { openBenchLog } from '../support/bench-log.js';
import { whenHeld, whenReady } from '../support/fold-figures.js';
import { figure, type Finding } from '../support/report.js';
import { startRole, type RoleProcess } from '../support/role-process.js';
import { rounds } from '../support/statistics.js';
import type { SpeedOptions } from './options.js';

const SETTLE_MS = 45_000;
const ROUND_MS = 10_000;

/** One orchestrator and one worker for all agents, as two processes. */
export async function measureAtRest({ cluster, projectDir, rounds: count }: SpeedOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, 1);
  const worker = startRole(projectDir, 'worker', bench.env);
  const orchestrator = startRole(projectDir, 'orchestrator', bench.env);
  try {
    await Promise.all([whenReady(worker), whenHeld(orchestrator)]);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    const share = async () => {
      const before = [worker, orchestrator].map((role) => role.cpuSeconds());
      await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
      return [worker, orchestrator].map(
        (role, index) => (100_000 * (role.cpuSeconds() - (before[index] ?? 0))) / ROUND_MS,
      );
    };
    const shares = await rounds(count, share);
    return [
      {
        title: 'at rest, a worker for twelve agents and an orchestrator',
        figures: [
          figure('processor time of the worker', '%', ...shares.map(([own = 0]) => own)),
          figure('of the orchestrator', '%', ...shares.map(([, own = 0]) => own)),
          figure('of both', '%', ...shares.map(([one = 0, other = 0]) => one + other)),
          figure('resident memory of the worker', 'MB', ...memoryAtRest(worker, count)),
          figure('of the orchestrator', 'MB', ...memoryAtRest(orchestrator, count)),
        ],
      },
    ];
  } finally {
    await Promise.all([worker.stop(), orchestrator.stop()]);
    await bench.close();
  }
}

/** At the end of each round. */
function memoryAtRest({ memory }: RoleProcess, count: number): readonly number[] {
  const end = memory.at(-1)?.atSeconds ?? 0;
  return Array.from(
    { length: count },
    (_, back) => memory.findLast(({ atSeconds }) => atSeconds <= end - (back * ROUND_MS) / 1000)?.mb ?? Number.NaN,
  );
}
