/**
 * Whether a task costs more in a large mission: the product's roles in this process, on the in-memory log, so that it
 * needs no broker.
 */
import { createMissionFeed, type MissionFeed } from '../../src/client/mission-feed.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { COORDINATION_PARTITIONS } from '../pressure/events.js';
import { startBenchSwarm } from '../support/bench-swarm.js';
import { figure, type Finding } from '../support/report.js';
import { quantile } from '../support/statistics.js';
import { createStubModel, createStubTools } from '../support/stubs.js';

/** Waves and tasks in each; followed: a client follows the mission, and hears of each event. */
type Shape = readonly [waves: number, tasks: number, followed?: 'followed'];
const SHAPES: readonly Shape[] = [
  [1, 10],
  [1, 100],
  [1, 1_000],
  [1, 10_000],
  [10, 120],
  [100, 100],
  [1, 100, 'followed'],
  [1, 10_000, 'followed'],
];
/**
 * A sample of small missions runs many of them: each sample takes as long, and leaves as many records in the log of
 * this process, whose memory the garbage collector walks, as one of the largest mission.
 */
const LEAST_TASKS = 10_000;
const AGENTS = Array.from({ length: 12 }, (_, index) => `bench_${index + 1}_agent`);
const TASKS_PARTITIONS = 6;
/** Of each agent: more tasks under way than a wave of 100 has. */
const CONCURRENCY = 10;

interface Sample {
  /** Of a task. */
  readonly wallMs: number;
  readonly cpuMs: number;
}

const nameOf = ([waves, tasks, followed]: Shape): string =>
  `${waves === 1 ? 'one wave' : `${waves} waves`} of ${tasks} tasks${followed === undefined ? '' : ', followed'}`;

export async function measureMissionSize(rounds: number): Promise<readonly Finding[]> {
  await sampleOf([1, 1_000]); // warms up
  const samples = new Map<string, Sample[]>(SHAPES.map((shape) => [nameOf(shape), []]));
  // In turns, so that what else the machine does meets all of them.
  for (let round = 0; round < rounds; round += 1)
    for (const shape of SHAPES) samples.get(nameOf(shape))?.push(await sampleOf(shape));
  const medianOf = (name: string, of: (sample: Sample) => number) => quantile((samples.get(name) ?? []).map(of), 0.5);
  const ratios = (of: (sample: Sample) => number, title: string) =>
    SHAPES.filter(([waves, tasks]) => waves * tasks > 1_000).map((shape) => {
      const [name, hundred] = [nameOf(shape), nameOf([1, 100, shape[2]])];
      return figure(`${title}: ${name} ÷ ${hundred}`, '×', medianOf(name, of) / medianOf(hundred, of));
    });
  const perTask = (of: (sample: Sample) => number) =>
    [...samples].map(([name, each]) => figure(name, 'ms', ...each.map(of)));
  return [
    { title: 'processor time of a task', figures: perTask(({ cpuMs }) => cpuMs) },
    { title: 'time of a task', figures: perTask(({ wallMs }) => wallMs) },
    {
      title: 'a task of a large mission beside one of a small mission (goal: at most 1.2)',
      figures: [...ratios(({ cpuMs }) => cpuMs, 'processor time'), ...ratios(({ wallMs }) => wallMs, 'time')],
    },
  ];
}

/** From the request to the end, without the start of the roles. */
async function sampleOf([waves, tasks, followed]: Shape): Promise<Sample> {
  const clock = createSystemClock();
  const topics = createTopicNames('bench');
  const log = createMemoryLog({ clock });
  const topic = (name: string, partitions: number) => ({ name, partitions, replicationFactor: null, config: LARGE });
  await log.admin.ensureTopics([
    topic(topics.coordination, COORDINATION_PARTITIONS),
    topic(topics.status, 1),
    topic(topics.deadLetters, 1),
    ...AGENTS.map((agent) => topic(topics.tasks(agent), TASKS_PARTITIONS)),
  ]);
  const swarm = await startBenchSwarm({
    bench: { log, topics, agents: AGENTS, workspaceMarker: 'bench' },
    concurrency: CONCURRENCY,
    worker: { model: createStubModel({ steps: 0, delayMs: 0 }), tools: createStubTools(0) },
  });
  const wave = Array.from({ length: tasks }, (_, index) => AGENTS[index % AGENTS.length] ?? '');
  const plan = Array.from({ length: waves }, () => wave);
  const count = Math.max(1, Math.round(LEAST_TASKS / (waves * tasks)));
  const feed = followed === undefined ? null : await createMissionFeed({ log, topic: topics.coordination });
  const [cpu, startedMs] = [process.cpuUsage(), performance.now()];
  for (let mission = 0; mission < count; mission += 1) {
    const id = await swarm.submit(plan);
    await Promise.all([swarm.completed(id), feed === null ? null : follow(feed, id)]);
  }
  const { user, system } = process.cpuUsage(cpu);
  const done = count * waves * tasks;
  const sample = { wallMs: (performance.now() - startedMs) / done, cpuMs: (user + system) / 1_000 / done };
  await feed?.stop();
  await swarm.close();
  return sample;
}

/** As client.follow and run do. */
async function follow(feed: MissionFeed, missionId: string): Promise<void> {
  const stop = feed.onMission(missionId, () => undefined);
  await feed.ended(missionId, new AbortController().signal);
  stop();
}

const LARGE = { 'max.message.bytes': String(16 * 1024 * 1024) };
