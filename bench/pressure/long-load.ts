import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { whenHeld, whenReady } from '../support/fold-figures.js';
import { createMilestone } from '../support/milestone.js';
import { figure, slopeFigure, type Finding } from '../support/report.js';
import { startRole, type RoleProcess } from '../support/role-process.js';
import { COORDINATION_PARTITIONS, MISSION_TASKS, missionRequest } from './events.js';
import type { PressureOptions } from './options.js';

/** Four tasks a second, each with a step of a second and three checks. */
const MISSION_EVERY_MS = 3_000;
/** Of the time: what a process needs until it has met everything once. */
const WARM_UP_SHARE = 1 / 6;
const MS_PER_MINUTE = 60_000;
const SECONDS_PER_HOUR = 3_600;

/** A worker and an orchestrator with work that does not end: whether they grow. */
export async function measureLongLoad({ cluster, projectDir, minutes }: PressureOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, 1);
  const worker = startRole(projectDir, 'worker', bench.env);
  const orchestrator = startRole(projectDir, 'orchestrator', bench.env);
  try {
    await Promise.all([whenReady(worker), whenHeld(orchestrator)]);
    const ended = await countEnded(bench);
    const requested = await request(bench, minutes);
    await ended.reached(requested);
    await ended.stop();
    return [
      {
        title: `${requested} missions of ${MISSION_TASKS} tasks in ${minutes} minutes`,
        figures: [...growthOf('the worker', worker), ...growthOf('the orchestrator', orchestrator)],
      },
    ];
  } finally {
    await Promise.all([worker.stop(), orchestrator.stop()]);
    await bench.close();
  }
}

/** Resolves with how many missions were requested. */
async function request(bench: BenchLog, minutes: number): Promise<number> {
  const count = Math.ceil((minutes * MS_PER_MINUTE) / MISSION_EVERY_MS);
  for (let index = 0; index < count; index += 1) {
    await bench.write([missionRequest(bench, index % COORDINATION_PARTITIONS)]);
    await new Promise((resolve) => setTimeout(resolve, MISSION_EVERY_MS));
  }
  return count;
}

/** @throws when a mission does not complete */
async function countEnded({ log, topics }: BenchLog) {
  let count = 0;
  const ended = createMilestone();
  const watch = await log.watch({
    topics: [topics.coordination],
    from: 'beginning',
    onRecord({ content }) {
      if (content.kind !== 'event') return;
      if (content.event.event_type === 'mission_failed')
        throw new Error(`a mission failed: ${content.event.payload.reason}`);
      if (content.event.event_type === 'mission_completed') ended.at((count += 1));
    },
    onFatal(error) {
      throw error;
    },
  });
  return { reached: ended.reached, stop: () => watch.stop() };
}

function growthOf(what: string, { memory }: RoleProcess) {
  const warmAt = (memory.at(-1)?.atSeconds ?? 0) * WARM_UP_SHARE;
  const warm = memory.filter(({ atSeconds }) => atSeconds >= warmAt);
  return [
    figure(`resident memory of ${what}`, 'MB', ...warm.map(({ mb }) => mb)),
    slopeFigure(
      'its slope',
      'MB per hour',
      SECONDS_PER_HOUR,
      warm.map(({ atSeconds, mb }) => [atSeconds, mb]),
    ),
  ];
}
