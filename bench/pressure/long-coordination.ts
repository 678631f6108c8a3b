import { REQUEST_WINDOW_MS } from '../../src/domain/requests.js';
import type { AppendRequest } from '../../src/ports/log.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { foldFigures, whenHeld } from '../support/fold-figures.js';
import { memoryFigures } from '../support/memory-figures.js';
import { readRaw } from '../support/raw-read.js';
import { requestPayload, waveOf } from '../support/request-payload.js';
import { figure, type Finding } from '../support/report.js';
import { startRole } from '../support/role-process.js';
import { committedUpTo } from './committed.js';
import { assignment, briefOf, EPOCH, missionIdIn, missionRecord, OWNER, planTask } from './events.js';
import type { PressureOptions } from './options.js';

const PARTITION = 0;
const TASKS = 12;
/**
 * A replay point names the missions requested within the last ten minutes, and stays at the first that it has no room
 * for, until their ids are older, by the time of the last record. So the ids are old when they are made, and the last
 * record comes later.
 */
const ID_AGE_MS = 9 * 60_000;
const IDS_FORGOTTEN_MS = REQUEST_WINDOW_MS - ID_AGE_MS + 1_000;
const RESTED_MS = 10_000;
/** What tasks hand on to those that depend on them. */
const OUTPUTS = {
  report: 'The certificate of the proxy is valid for 365 days and names seven services.\n'.repeat(100),
};

/**
 * One partition holds ended missions behind one that waits for a person; then that one is cancelled, and they lie
 * before the replay point.
 */
export async function measureLongCoordination({
  cluster,
  projectDir,
  megabytes,
}: PressureOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, 1);
  const { coordination, orchestratorGroup } = bench.topics;
  try {
    const waitingId = missionIdIn(PARTITION, ID_AGE_MS);
    const written = await bench.write(missions(bench, waitingId, megabytes * 1024 * 1024));
    const raw = await readRaw(bench, [coordination]);
    const after = startRole(projectDir, 'orchestrator', bench.env);
    const afterReady = await whenHeld(after);
    await new Promise((resolve) => setTimeout(resolve, IDS_FORGOTTEN_MS));
    const afterMemory = memoryFigures(after, afterReady.seconds);
    await bench.write([
      missionRecord(bench, waitingId, PARTITION, 'mission_cancel_requested', {
        mission_id: waitingId,
        reason: 'measured',
        requested_by: 'bench',
        signed: null,
      }),
    ]);
    await committedUpTo(bench, orchestratorGroup, coordination, PARTITION, written);
    await after.stop();
    const before = startRole(projectDir, 'orchestrator', bench.env);
    const beforeReady = await whenHeld(before);
    await new Promise((resolve) => setTimeout(resolve, RESTED_MS));
    const beforeMemory = memoryFigures(before, beforeReady.seconds);
    await before.stop();
    return [
      {
        title:
          `${megabytes} MB of ended missions (${written} records) after the replay point of a coordination ` +
          'partition',
        figures: [...foldFigures(written, afterReady, beforeReady, raw), ...afterMemory],
      },
      {
        title: 'the same before the replay point',
        figures: [
          figure('from the start to holding all', 's', beforeReady.seconds),
          figure('processor time of that', 'CPU s', beforeReady.cpuSeconds),
          ...beforeMemory,
        ],
      },
    ];
  } finally {
    await bench.close();
  }
}

function* missions(bench: BenchLog, waitingId: string, bytes: number): Iterable<AppendRequest> {
  const { topics } = bench;
  const claim = { owner: OWNER, worker_id: 'bench', topic: topics.coordination, partition: PARTITION };
  yield missionRecord(bench, '', PARTITION, 'partition_claimed', claim);
  yield missionRecord(bench, '', PARTITION, 'partition_opened', {
    epoch: EPOCH,
    topic: topics.coordination,
    partition: PARTITION,
  });
  yield* request(bench, waitingId, 'approval');
  for (let written = 0; written < bytes; ) {
    for (const record of endedMission(bench)) {
      yield record;
      written += JSON.stringify(record.event.payload).length + 200;
    }
  }
}

function* request(bench: BenchLog, missionId: string, approval: 'none' | 'approval'): Iterable<AppendRequest> {
  const tasks = Array.from({ length: TASKS }, (_, number) =>
    planTask(`deploy-${bench.agents[number]}-wave1`, bench.agents[number] ?? ''),
  );
  const plan = waveOf(tasks);
  const own = {
    mission_id: missionId,
    brief: briefOf(missionId),
    approval,
    retries: 2,
    agents: [...bench.agents],
    plan,
  };
  yield missionRecord(bench, missionId, PARTITION, 'mission_requested', requestPayload(bench, own));
  yield missionRecord(bench, missionId, PARTITION, 'plan_proposed', {
    mission_id: missionId,
    revision: 1,
    planner: 'mission',
    model: '',
    refusals: [],
    plan,
    tokens_in: 0,
    tokens_out: 0,
    cost_usd: 0,
    owner: OWNER,
  });
}

function* endedMission(bench: BenchLog): Iterable<AppendRequest> {
  const missionId = missionIdIn(PARTITION, ID_AGE_MS);
  const common = { mission_id: missionId, owner: OWNER };
  yield* request(bench, missionId, 'none');
  yield missionRecord(bench, missionId, PARTITION, 'plan_approved', {
    mission_id: missionId,
    revision: 1,
    approved_by: 'policy',
    signed: null,
    plan_digest: null,
  });
  const ids = bench.agents.map((agent) => `deploy-${agent}-wave1`);
  yield missionRecord(bench, missionId, PARTITION, 'wave_started', { ...common, wave_number: 1, task_ids: ids });
  for (const agent of bench.agents) {
    const task = { ...common, task_id: `deploy-${agent}-wave1`, attempt: 1 };
    const payload = assignment(
      { missionId, taskId: task.task_id, agent, source: { partition: PARTITION, offset: 0 } },
      bench.workspaceMarker,
    );
    yield missionRecord(bench, missionId, PARTITION, 'task_assigned', { ...payload, source: null });
    yield missionRecord(bench, missionId, PARTITION, 'task_accepted', task);
    yield missionRecord(bench, missionId, PARTITION, 'task_started', { ...task, worker_id: 'bench' });
    yield missionRecord(bench, missionId, PARTITION, 'task_completed', {
      ...task,
      steps: 4,
      model: 'ollama:llama3.1',
      tokens_in: 3600,
      tokens_out: 240,
      cost_usd: 0,
      duration_ms: 20,
      artifacts: null,
      result: { status: 'unverified', summary: 'It is as it should be.', outputs: OUTPUTS, checks: [] },
    });
  }
  yield missionRecord(bench, missionId, PARTITION, 'wave_completed', { ...common, wave_number: 1 });
  yield missionRecord(bench, missionId, PARTITION, 'mission_completed', {
    ...common,
    tasks_verified: 0,
    tasks_unverified: TASKS,
    at_planner_price: null,
    tokens: 46_080,
    cost_usd: 0,
  });
}
