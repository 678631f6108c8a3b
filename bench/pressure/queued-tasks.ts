import { attemptKey } from '../../src/domain/partitioning.js';
import type { AppendRequest } from '../../src/ports/log.js';
import { createDeferred } from '../../src/domain/deferred.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { foldFigures, whenReady, type Ready } from '../support/fold-figures.js';
import { memoryFigures } from '../support/memory-figures.js';
import { readRaw } from '../support/raw-read.js';
import { createMilestone } from '../support/milestone.js';
import { figure, type Finding } from '../support/report.js';
import { startRole } from '../support/role-process.js';
import { assignment, COORDINATION_PARTITIONS, missionIdIn, taskRecord, type TaskPlace } from './events.js';
import type { PressureOptions } from './options.js';

/** The tool is slow, so that the queue stays. */
const SLOW_SECONDS = 2;

/** One worker for all agents starts in front of many queued tasks. */
export async function measureQueuedTasks({
  cluster,
  projectDir,
  tasks,
  missions,
  watch: watchSeconds,
}: PressureOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, SLOW_SECONDS);
  try {
    const idle = await startIdle(bench, projectDir);
    await bench.write(assignments(bench, tasks, missions));
    const raw = await readRaw(
      bench,
      bench.agents.map((agent) => bench.topics.tasks(agent)),
    );
    const news = await watchNews(bench);
    const worker = startRole(projectDir, 'worker', bench.env);
    const ready = await whenReady(worker);
    await news.began;
    const firstRunning = worker.seconds();
    await news.heardOf(tasks);
    const acceptedSeconds = worker.seconds();
    const cpuBefore = worker.cpuSeconds();
    await new Promise((resolve) => setTimeout(resolve, watchSeconds * 1000));
    const cpuShare = (100 * (worker.cpuSeconds() - cpuBefore)) / watchSeconds;
    const figures = [
      ...foldFigures(raw.records, ready, idle, raw),
      figure('from the start to the first running task', 's', firstRunning),
      figure('from the start to all tasks accepted', 's', acceptedSeconds),
      figure('processor time afterwards', '%', cpuShare),
      ...memoryFigures(worker, acceptedSeconds),
      figure('resident memory without tasks', 'MB', idle.peakMb),
    ];
    await worker.stop();
    await news.stop();
    return [{ title: `${tasks} queued tasks of ${missions} missions`, figures }];
  } finally {
    await bench.close();
  }
}

/** What a worker takes that has nothing to do. */
async function startIdle({ env }: BenchLog, projectDir: string): Promise<Ready> {
  const worker = startRole(projectDir, 'worker', env);
  const ready = await whenReady(worker);
  await worker.stop();
  return ready;
}

function* assignments(bench: BenchLog, tasks: number, missions: number): Iterable<AppendRequest> {
  const ids = Array.from({ length: missions }, (_, index) => missionIdIn(index % COORDINATION_PARTITIONS));
  for (let index = 0; index < tasks; index += 1) {
    const mission = index % missions;
    const number = Math.floor(index / missions);
    const agent = bench.agents[number % bench.agents.length] ?? '';
    const place: TaskPlace = {
      missionId: ids[mission] ?? '',
      taskId: `deploy-${agent}-wave${number}`,
      agent,
      source: { partition: mission % COORDINATION_PARTITIONS, offset: index },
    };
    const payload = assignment(place, bench.workspaceMarker);
    yield taskRecord(bench, place, payload.target_partition, 'task_assigned', payload);
  }
}

/**
 * Hears what a worker tells the missions. A task that has ended before its turn came to be accepted is not accepted any
 * more.
 */
async function watchNews({ log, topics }: BenchLog) {
  const known = new Set<string>();
  const first = createDeferred<void>();
  const heard = createMilestone();
  const watch = await log.watch({
    topics: [topics.coordination],
    from: 'end',
    onRecord({ content }) {
      if (content.kind !== 'event') return;
      const { event } = content;
      if (event.event_type === 'task_started') first.resolve();
      if (event.event_type !== 'task_accepted' && event.event_type !== 'task_completed') return;
      known.add(attemptKey(event.payload));
      heard.at(known.size);
    },
    onFatal(error) {
      throw error;
    },
  });
  return {
    /** A task has begun. */
    began: first.promise,
    heardOf: heard.reached,
    stop: () => watch.stop(),
  };
}
