import { decideMission } from '../../src/domain/mission-decide.js';
import { evolveCoordination } from '../../src/domain/mission-evolve.js';
import { coordinationReplayPoint } from '../../src/domain/mission-replay.js';
import { createCoordinationState, type CoordinationState } from '../../src/domain/mission-state.js';
import { partitionForKey } from '../../src/domain/partitioning.js';
import type { AppendRequest } from '../../src/ports/log.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { foldFigures, whenHeld } from '../support/fold-figures.js';
import { memoryFigures } from '../support/memory-figures.js';
import { createMilestone } from '../support/milestone.js';
import { readRaw } from '../support/raw-read.js';
import { figure, type Finding } from '../support/report.js';
import { startRole } from '../support/role-process.js';
import { COORDINATION_PARTITIONS, MISSION_TASKS, missionRequest, TASKS_PARTITIONS } from './events.js';
import type { PressureOptions } from './options.js';

const ROUNDS = 20;

/** An orchestrator plans and assigns many missions at once, without a worker; then another takes them over. */
export async function measureOpenMissions({
  cluster,
  projectDir,
  missions,
  watch: watchSeconds,
}: PressureOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, 1);
  try {
    const first = startRole(projectDir, 'orchestrator', bench.env);
    const idle = await whenHeld(first);
    const fold = await foldCoordination(bench);
    const requestedSeconds = first.seconds();
    await bench.write(requests(bench, missions));
    await fold.assigned(missions * MISSION_TASKS);
    const assignedSeconds = first.seconds();
    const firstMemory = memoryFigures(first, assignedSeconds - 1);
    await first.stop();
    await fold.stop();
    const raw = await readRaw(bench, [bench.topics.coordination]);

    const second = startRole(projectDir, 'orchestrator', bench.env);
    const ready = await whenHeld(second);
    await new Promise((resolve) => setTimeout(resolve, 5000));
    const cpuBefore = second.cpuSeconds();
    await new Promise((resolve) => setTimeout(resolve, watchSeconds * 1000));
    const cpuShare = (100 * (second.cpuSeconds() - cpuBefore)) / watchSeconds;
    const secondMemory = memoryFigures(second, ready.seconds + 5);
    await second.stop();
    return [
      {
        title: `${missions} missions of ${MISSION_TASKS} tasks, requested at once`,
        figures: [
          figure('from the first request to the last assignment', 's', assignedSeconds - requestedSeconds),
          ...firstMemory,
        ],
      },
      {
        title: 'an orchestrator takes them over',
        figures: [
          ...foldFigures(raw.records, ready, idle, raw),
          figure('processor time afterwards', '%', cpuShare),
          ...secondMemory,
        ],
      },
      { title: 'what one tick costs with all of them', figures: ticks(fold.states) },
    ];
  } finally {
    await bench.close();
  }
}

function* requests(bench: BenchLog, missions: number): Iterable<AppendRequest> {
  for (let index = 0; index < missions; index += 1) yield missionRequest(bench, index % COORDINATION_PARTITIONS);
}

/** Follows the coordination topic as its holders do. */
async function foldCoordination({ log, topics }: BenchLog) {
  const states = Array.from({ length: COORDINATION_PARTITIONS }, (_, partition) => createCoordinationState(partition));
  let count = 0;
  const assigned = createMilestone();
  const watch = await log.watch({
    topics: [topics.coordination],
    from: 'beginning',
    onRecord({ partition, offset, timestampMs, content }) {
      const state = states[partition];
      if (content.kind !== 'event' || state === undefined) return;
      const applied = evolveCoordination(state, { offset, timestampMs, event: content.event });
      if (content.event.event_type === 'task_assigned' && applied.kind === 'applied') assigned.at((count += 1));
    },
    onFatal(error) {
      throw error;
    },
  });
  return { states, assigned: assigned.reached, stop: () => watch.stop() };
}

/** What a holder does in turns, measured on the fold by itself. */
function ticks(states: readonly CoordinationState[]) {
  const context = {
    isExpired: () => false,
    expiredWaits: () => [],
    hasWorker: () => true,
    retryDelayMs: () => 0,
    revisionOf: () => ({ digest: null, playbookAcceptance: null }),
    playbookWrites: () => ({ acceptance: [], changes: [] }),
    timeoutSeconds: () => 300,
    mayReach: () => [],
    verifyAnswer: () => null,
    verifyRequest: null,
    planDigest: () => '',
    cap: null,
    planningWorstCase: () => ({ tokens: 0, usd: 0 }),
    plannerPrice: () => null,
    partitionFor: (_agent: string, key: string) => partitionForKey(key, TASKS_PARTITIONS),
  };
  const rounds = (work: () => void) => Array.from({ length: ROUNDS }, () => timed(work));
  const decide = () =>
    states.forEach((state) =>
      state.missions.forEach((mission) => decideMission(mission, { ...context, owner: state.holder?.owner ?? '' })),
    );
  const points = () => states.map((state) => coordinationReplayPoint(state, () => true));
  const metadata = points().map((point) => point?.metadata.length ?? 0);
  return [
    figure('to decide for every mission', 'ms', ...rounds(decide)),
    figure('to find every replay point', 'ms', ...rounds(points)),
    figure('metadata of a replay point', 'bytes', ...metadata),
  ];
}

function timed(work: () => void): number {
  const startedMs = performance.now();
  work();
  return performance.now() - startedMs;
}
