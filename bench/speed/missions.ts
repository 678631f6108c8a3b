/**
 * What users wait for: missions of a swarm as it is started, with a process for each role, the product's agents, a new
 * workspace for each mission and a model server that answers at once.
 */
import { join } from 'node:path';
import { createClient } from '../../src/client/create-client.js';
import type { MissionDefinition } from '../../src/client/mission-definition.js';
import { startSink, tracesTo } from '../support/sink.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { startChild } from '../support/child-process.js';
import { whenHeld } from '../support/fold-figures.js';
import { startPeers, type Peer } from '../support/peers.js';
import { figure, type Figure, type Finding } from '../support/report.js';
import { startRole, type RoleProcess } from '../support/role-process.js';
import { quantile } from '../support/statistics.js';
import { STUB_OLLAMA_MODEL, writeTask } from '../support/stubs.js';
import type { SpeedOptions } from './options.js';

interface Shape {
  readonly name: string;
  readonly waves: number;
  /** Of each wave. */
  readonly tasks: number;
  /** One after the other, in each round. */
  readonly missions: number;
  /** Whether each task has one command and one check. */
  readonly acts: boolean;
}

const SHAPES: readonly Shape[] = [
  { name: '7 waves of 12', waves: 7, tasks: 12, missions: 12, acts: false },
  { name: '10 waves of 120', waves: 10, tasks: 120, missions: 1, acts: false },
  { name: '7 waves of 12, a command and a check a task', waves: 7, tasks: 12, missions: 1, acts: true },
];
/** Other systems have no commands and checks. */
const PEER_SHAPES = SHAPES.filter(({ acts }) => !acts);
/** What runs often is compiled by then: the first thousand tasks of a process cost more than all later ones. */
const WARM_UP: Shape = { name: 'warm-up', waves: 7, tasks: 12, missions: 12, acts: false };
/** Of each agent; a wave of 120 has ten tasks for each. */
const CONCURRENCY = 20;

/** What one round of a shape took. */
interface Sample {
  readonly waveMs: number;
  readonly workerCpuMs: number;
  readonly orchestratorCpuMs: number;
}

interface Copy {
  run(shape: Shape): Promise<Sample>;
  close(): Promise<void>;
}

export async function measureMissions({
  cluster,
  projectDir,
  rounds: count,
  beside,
  traced,
}: Pick<SpeedOptions, 'cluster' | 'projectDir' | 'rounds' | 'beside' | 'traced'>): Promise<readonly Finding[]> {
  const ollama = await startChild('bench-ollama.js', { steps: 0, delayMs: 0 });
  const collector = traced ? await startSink() : null;
  const other = beside ?? (traced ? projectDir : null);
  const copies: Copy[] = [];
  const closing: { close(): Promise<void> }[] = [];
  try {
    for (const [dir, env] of [
      [projectDir, {}] as const,
      ...(other === null ? [] : [[other, tracesTo(collector)] as const]),
    ])
      copies.push(await startCopy(await openBenchLog(cluster, projectDir, { concurrency: CONCURRENCY }), dir, env));
    closing.push(...copies);
    for (const copy of copies) await copy.run(WARM_UP);
    const peers = await startPeers(join(projectDir, 'bench/peers'));
    closing.push(...peers.running);
    for (const why of peers.skipped) process.stderr.write(`  ${why}\n`);
    for (const peer of peers.running) await runPeer(peer, WARM_UP);
    const times = new Map(peers.running.map((peer) => [peer, PEER_SHAPES.map((): number[] => [])]));
    const samples = new Map<Shape, Sample[][]>(SHAPES.map((shape) => [shape, copies.map(() => [])]));
    // In turns, so that what else the computer does meets all of them.
    for (let round = 0; round < count; round += 1) for (const shape of SHAPES) await eachOnce(shape);
    return [...findingsOf(samples), ...peerFindings(times)];

    async function eachOnce(shape: Shape): Promise<void> {
      for (const [at, copy] of copies.entries()) samples.get(shape)?.[at]?.push(await copy.run(shape));
      const at = PEER_SHAPES.indexOf(shape);
      if (at >= 0) for (const [peer, each] of times) each[at]?.push(await runPeer(peer, shape));
    }
  } finally {
    for (const one of closing.reverse()) await one.close();
    await ollama.close();
    await collector?.close();
  }

  async function startCopy(bench: BenchLog, dir: string, own: Record<string, string>): Promise<Copy> {
    const env = { ...bench.env, ...own, WORKER_MODELS: `ollama:${STUB_OLLAMA_MODEL}`, OLLAMA_HOST: ollama.ready };
    const orchestrator = startRole(dir, 'orchestrator', env, 'on');
    const worker = startRole(dir, 'worker', env, 'on');
    await whenHeld(orchestrator);
    const { log, agentsDir, workspaceRoot, prefix, agents } = bench;
    const client = createClient({ log, agents: agentsDir, workspaceRoot, prefix });
    return {
      async run(shape) {
        const before = [worker.cpuSeconds(), orchestrator.cpuSeconds()] as const;
        const startedMs = performance.now();
        for (let done = 0; done < shape.missions; done += 1) {
          const report = await client.run(missionOf(shape, agents));
          if (report.status !== 'completed') throw new Error(`a mission has ${report.status}: ${report.reason}`);
        }
        const waveMs = (performance.now() - startedMs) / shape.missions / shape.waves;
        return { waveMs, ...cpuOf([worker, orchestrator], before, shape) };
      },
      async close() {
        await client.close();
        await Promise.all([worker.stop(), orchestrator.stop()]);
        await bench.close();
      },
    };
  }
}

function cpuOf(
  [worker, orchestrator]: readonly [RoleProcess, RoleProcess],
  [workerBefore, orchestratorBefore]: readonly [number, number],
  { missions, waves, tasks }: Shape,
): Omit<Sample, 'waveMs'> {
  const perTask = (seconds: number) => (seconds * 1000) / (missions * waves * tasks);
  return {
    workerCpuMs: perTask(worker.cpuSeconds() - workerBefore),
    orchestratorCpuMs: perTask(orchestrator.cpuSeconds() - orchestratorBefore),
  };
}

function missionOf({ name, waves, tasks, acts }: Shape, agents: readonly string[]): MissionDefinition {
  return {
    name,
    brief: 'Measure what a mission costs.',
    retries: 0,
    plan: {
      waves: Array.from({ length: waves }, (_, wave) => ({
        tasks: Array.from({ length: tasks }, (_task, task) => {
          const file = `wave-${wave + 1}-task-${task + 1}`;
          return {
            agent: agents[task % agents.length] ?? '',
            description: acts ? writeTask(file) : `Nothing is to be done for ${file}.`,
            ...(acts ? { acceptance: [{ name: 'the file is there', command: `test -s ${file}` }] } : {}),
          };
        }),
      })),
    },
  };
}

function findingsOf(samples: ReadonlyMap<Shape, readonly (readonly Sample[])[]>): readonly Finding[] {
  const figures = (unit: Figure['unit'], of: (sample: Sample) => number): readonly Figure[] =>
    [...samples].flatMap(([{ name }, [own = [], other]]) => [
      figure(name, unit, ...own.map(of)),
      ...(other === undefined
        ? []
        : [
            figure(`${name}, the other copy`, unit, ...other.map(of)),
            figure(`${name}, this copy ÷ the other, in pairs`, '×', ...pairs(own.map(of), other.map(of))),
          ]),
    ]);
  return [
    { title: 'missions of two role processes: ms a wave', figures: figures('ms', ({ waveMs }) => waveMs) },
    {
      title: 'processor time of a task, both roles, without what their commands take',
      figures: figures('ms', ({ workerCpuMs, orchestratorCpuMs }) => workerCpuMs + orchestratorCpuMs),
    },
    { title: 'the worker alone', figures: figures('ms', ({ workerCpuMs }) => workerCpuMs) },
  ];
}

/** Resolves with the milliseconds of a wave. */
async function runPeer(peer: Peer, { missions, waves, tasks }: Shape): Promise<number> {
  let ms = 0;
  for (let done = 0; done < missions; done += 1) ms += await peer.run({ waves, tasks });
  return ms / missions / waves;
}

function peerFindings(times: ReadonlyMap<Peer, readonly (readonly number[])[]>): readonly Finding[] {
  const figures = [...times].flatMap(([peer, each]) =>
    PEER_SHAPES.map(({ name }, at) => figure(`${peer.name}, ${name}`, 'ms', ...(each[at] ?? []))),
  );
  return figures.length === 0 ? [] : [{ title: 'the same missions with other systems: ms a wave', figures }];
}

const pairs = (own: readonly number[], other: readonly number[]): readonly number[] =>
  own.map((value, index) => value / (other[index] ?? quantile(other, 0.5)));
