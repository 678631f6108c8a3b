/** How long a swarm takes from its start to the first task, whatever lies behind its replay points. */
import type { AppendRequest } from '../../src/ports/log.js';
import { committedUpTo } from '../pressure/committed.js';
import { COORDINATION_PARTITIONS, missionIdIn, missionRecord, planTask } from '../pressure/events.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { whenHeld } from '../support/fold-figures.js';
import { requestPayload, waveOf } from '../support/request-payload.js';
import { figure, type Figure, type Finding } from '../support/report.js';
import { startRole } from '../support/role-process.js';
import { quantile, rounds } from '../support/statistics.js';
import type { SpeedOptions } from './options.js';

const BEHIND = [0, 100_000, 1_000_000];

/** Orchestrator and worker are started together in front of a mission that was requested before. */
export async function measureStartUp({
  cluster,
  projectDir,
  rounds: count,
}: SpeedOptions): Promise<readonly Finding[]> {
  const figures: Figure[] = [];
  let floor: Figure['floor'];
  for (const behind of BEHIND) {
    const bench = await openBenchLog(cluster, projectDir, 0);
    try {
      await layBehind(bench, projectDir, behind);
      const seconds = await rounds(count, () => startToFirstTask(bench, projectDir));
      figures.push({
        ...figure(`${behind.toLocaleString('en')} records behind the replay points`, 's', ...seconds),
        ...(floor === undefined ? {} : { floor }),
      });
      floor ??= { name: 'with none', value: quantile(seconds, 0.5) };
    } finally {
      await bench.close();
    }
  }
  return [{ title: 'from the start of an orchestrator and a worker to the first task', figures }];
}

/** An orchestrator has read them all, and nothing of them is needed any more. */
async function layBehind(bench: BenchLog, projectDir: string, records: number): Promise<void> {
  if (records === 0) return;
  await bench.write(progress(bench, records));
  const orchestrator = startRole(projectDir, 'orchestrator', bench.env);
  await whenHeld(orchestrator);
  for (let partition = 0; partition < COORDINATION_PARTITIONS; partition += 1)
    await committedUpTo(
      bench,
      bench.topics.orchestratorGroup,
      bench.topics.coordination,
      partition,
      Math.floor(records / COORDINATION_PARTITIONS),
    );
  await orchestrator.stop();
}

/** What workers say of missions that have ended. */
function* progress(bench: BenchLog, records: number): Iterable<AppendRequest> {
  const ids = Array.from({ length: COORDINATION_PARTITIONS }, (_, partition) => missionIdIn(partition));
  for (let index = 0; index < records; index += 1) {
    const partition = index % COORDINATION_PARTITIONS;
    const missionId = ids[partition] ?? '';
    yield missionRecord(bench, missionId, partition, 'task_progress', {
      mission_id: missionId,
      task_id: 'deploy-cert_agent-wave1',
      attempt: 1,
      step: 1 + (index % 20),
      tool: 'execute_terminal_command',
      message: 'step: execute_terminal_command',
      substeps_completed: index % 20,
      substeps_total: 20,
      percent_complete: 5 * (index % 20),
      unserved_since: null,
      unknown_agent: false,
    });
  }
}

async function startToFirstTask(bench: BenchLog, projectDir: string): Promise<number> {
  const missionId = missionIdIn(0);
  const ends = new Map<string, (atMs: number) => void>();
  const when = (type: string) => new Promise<number>((resolve) => ends.set(type, resolve));
  const [started, completed] = [when('task_started'), when('mission_completed')];
  const watch = await bench.log.watch({
    topics: [bench.topics.coordination],
    from: 'end',
    onRecord({ content }) {
      if (
        content.kind === 'event' &&
        'mission_id' in content.event.payload &&
        content.event.payload.mission_id === missionId
      )
        ends.get(content.event.event_type)?.(performance.now());
    },
    onFatal(error) {
      throw error;
    },
  });
  await bench.write([requestOf(bench, missionId)]);
  const startedMs = performance.now();
  const roles = [startRole(projectDir, 'orchestrator', bench.env), startRole(projectDir, 'worker', bench.env)];
  const seconds = ((await started) - startedMs) / 1000;
  await completed;
  await Promise.all(roles.map((role) => role.stop()));
  await watch.stop();
  return seconds;
}

function requestOf(bench: BenchLog, missionId: string): AppendRequest {
  const agent = bench.agents[0] ?? '';
  const task = { ...planTask(`deploy-${agent}-wave1`, agent), acceptance: [] };
  const payload = requestPayload(bench, { mission_id: missionId, agents: [agent], plan: waveOf([task]) });
  return missionRecord(bench, missionId, 0, 'mission_requested', payload);
}
