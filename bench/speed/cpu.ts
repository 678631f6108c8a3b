/** What the processor time of a task goes into. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openBenchLog } from '../support/bench-log.js';
import { startBenchSwarm } from '../support/bench-swarm.js';
import { profileWhile, type CpuProfile } from '../support/cpu-profile.js';
import { keepRunning } from '../support/load.js';
import { figure, type Finding } from '../support/report.js';
import { rounds } from '../support/statistics.js';
import { createStubModel, createStubTools } from '../support/stubs.js';
import type { SpeedOptions } from './options.js';

const IN_FLIGHT = 60;
const ROUND_MS = 5_000;
/** The rest of a list says little. */
const SHOWN = 12;

/** Orchestrator and worker in this process: the sum of both for a task of one step. */
export async function measureCpu({
  cluster,
  projectDir,
  rounds: count,
  profileDir,
}: SpeedOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, 1);
  let completed = 0;
  const swarm = await startBenchSwarm({
    bench,
    worker: { model: createStubModel({ steps: 1, delayMs: 0 }), tools: createStubTools(0) },
    concurrency: IN_FLIGHT,
    witness: { onCompleted: () => void (completed += 1) },
  });
  const load = keepRunning(swarm, IN_FLIGHT);
  const round = async () => {
    const before = completed;
    const profile = await profileWhile(async () => void (await load.rate(() => completed, ROUND_MS)));
    return { ...profile, tasks: completed - before };
  };
  try {
    await load.rate(() => completed, ROUND_MS); // warms up
    const profiles = await rounds(count, round);
    if (profileDir !== null) await keep(profileDir, profiles.at(-1));
    const perTask = (cost: string) =>
      profiles.map(({ costs, tasks }) => (1000 * (costs.find(([name]) => name === cost)?.[1] ?? 0)) / tasks);
    const names = profiles[0]?.costs.slice(0, SHOWN).map(([name]) => name) ?? [];
    return [
      {
        title: `processor time of a task of one step, ${IN_FLIGHT} in flight, by what it goes into`,
        figures: [
          figure('all of it', 'µs', ...profiles.map(({ busyMs, tasks }) => (1000 * busyMs) / tasks)),
          ...names.map((name) => figure(name, 'µs', ...perTask(name))),
        ],
      },
    ];
  } finally {
    await load.end();
    await swarm.close();
    await bench.close();
  }
}

async function keep(dir: string, profile: CpuProfile | undefined): Promise<void> {
  if (profile === undefined) return;
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'bench.cpuprofile'), profile.json());
  await writeFile(join(dir, 'bench.svg'), profile.svg());
  process.stderr.write(
    `flame graph: ${join(dir, 'bench.svg')}; for DevTools and speedscope: ${join(dir, 'bench.cpuprofile')}\n`,
  );
}
