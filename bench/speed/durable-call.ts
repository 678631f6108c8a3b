/**
 * What a journaled tool call adds, from the first step of a task to its thousandth, and from the first mission to the
 * ten-thousandth.
 */
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { startBenchSwarm } from '../support/bench-swarm.js';
import { figure, slopeFigure, type Figure, type Finding } from '../support/report.js';
import { quantile, rounds } from '../support/statistics.js';
import { createStubModel, createStubTools } from '../support/stubs.js';
import type { SpeedOptions } from './options.js';

type Floor = NonNullable<Figure['floor']>;

const STEPS = 1000;
const MISSIONS_IN_FLIGHT = 12;

/** A tool that does nothing, and a model that answers at once: what lies between two turns is the journal's. */
export async function measureDurableCall({
  cluster,
  projectDir,
  rounds: count,
  floors,
  history,
}: SpeedOptions): Promise<readonly Finding[]> {
  const floor = { name: 'append → read back', value: quantile(floors.roundTripMs, 0.5) };
  const bench = await openBenchLog(cluster, projectDir, 1);
  try {
    // One after the other: two swarms on one log would share the work.
    return [await measureSteps(bench, count, floor), await measureMissions(bench, history, floor)];
  } finally {
    await bench.close();
  }
}

async function measureSteps(bench: BenchLog, count: number, floor: Floor): Promise<Finding> {
  let turns: number[] = [];
  const swarm = await startBenchSwarm({
    bench,
    worker: {
      model: createStubModel({ steps: STEPS, delayMs: 0 }, () => void turns.push(performance.now())),
      tools: createStubTools(0),
    },
    concurrency: 2,
    maxSteps: STEPS + 10,
  });
  const oneTask = async (): Promise<readonly number[]> => {
    turns = [];
    await swarm.completed(await swarm.submit([[swarm.agents[0] ?? '']]));
    return turns.slice(1).map((at, index) => at - (turns[index] ?? at));
  };
  try {
    await oneTask();
    const calls = await rounds(count, oneTask);
    return {
      title: `a durable tool call: journaled, read back, run, outcome journaled; tasks of ${STEPS} steps`,
      figures: [
        { ...figure('from turn to turn, p50', 'ms', ...calls.map((each) => quantile(each, 0.5))), floor },
        slopeFigure(
          'its slope over the steps of a task',
          'ms per 1,000',
          1_000,
          calls.flatMap((each) => each.map((ms, index) => [index, ms] as const)),
        ),
      ],
    };
  } finally {
    await swarm.close();
  }
}

async function measureMissions(bench: BenchLog, missions: number, floor: Floor): Promise<Finding> {
  const lastTurn = new Map<string, number>();
  const points: [number, number][] = [];
  let begun = 0;
  const swarm = await startBenchSwarm({
    bench,
    worker: {
      tools: createStubTools(0),
      model: createStubModel({ steps: 1, delayMs: 0 }, ({ task, steps }) => {
        const at = performance.now();
        const before = lastTurn.get(task.mission_id);
        if (steps.length === 0 || before === undefined) return void lastTurn.set(task.mission_id, at);
        lastTurn.delete(task.mission_id);
        points.push([points.length, at - before]);
      }),
    },
    concurrency: 2,
  });
  const oneAfterTheOther = async () => {
    while (begun < missions) {
      begun += 1;
      await swarm.completed(await swarm.submit([[swarm.agents[begun % swarm.agents.length] ?? '']]));
    }
  };
  try {
    await Promise.all(Array.from({ length: MISSIONS_IN_FLIGHT }, oneAfterTheOther));
    const fifths = Array.from({ length: 5 }, (_, index) =>
      points
        .slice(Math.floor((index * points.length) / 5), Math.floor(((index + 1) * points.length) / 5))
        .map(([, ms]) => ms),
    );
    return {
      title: `the same in missions of one step, ${missions} in one topic, ${MISSIONS_IN_FLIGHT} at a time`,
      figures: [
        {
          ...figure('from turn to turn, p50 of each fifth', 'ms', ...fifths.map((each) => quantile(each, 0.5))),
          floor,
        },
        slopeFigure('its slope over the missions', 'ms per 1,000', 1_000, points),
      ],
    };
  } finally {
    await swarm.close();
  }
}
