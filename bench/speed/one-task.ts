/** One task after the other: from the decision to the result that the orchestrator reads. */
import type { ChatModel } from '../../src/ports/model.js';
import { createOllamaModel } from '../../src/models/ollama.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { openBenchLog } from '../support/bench-log.js';
import { startBenchSwarm } from '../support/bench-swarm.js';
import { startChild } from '../support/child-process.js';
import { figure, type Finding } from '../support/report.js';
import { quantile, rounds } from '../support/statistics.js';
import { createStubModel, createStubTools, STUB_OLLAMA_MODEL } from '../support/stubs.js';
import type { SpeedOptions } from './options.js';

const TASKS = 200;
/** The broker and this process compile what they run often; a cold floor would flatter, a cold task mislead. */
const WARM_UP = 600;
/** Of a mission, one after the other: what a fold does with a mission grows with its tasks. */
const TASKS_OF_MISSION = 10;

/** No tools and no checks: assigned, read back, sent, taken, answered by the model, journaled, told, read. */
export async function measureOneTask(options: SpeedOptions): Promise<readonly Finding[]> {
  const stub = { steps: 0, delayMs: 0 };
  const ollama = await startChild('bench-ollama.js', stub);
  try {
    return [
      await measure(options, 'a model in the process', createStubModel(stub)),
      await measure(options, 'a model behind HTTP', httpModel(ollama.ready)),
    ];
  } finally {
    await ollama.close();
  }
}

function httpModel(url: string): ChatModel {
  const entry = {
    id: STUB_OLLAMA_MODEL,
    provider: 'ollama',
    contextTokens: 32_000,
    maxOutputTokens: 1000,
    thinkingTokens: 0,
    thinking: false,
    effort: null,
    toolCalls: 'auto',
    temperature: true,
    price: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
  } as const;
  return createOllamaModel({ url, entry, clock: createSystemClock() });
}

async function measure(
  { cluster, projectDir, rounds: count, floors }: SpeedOptions,
  what: string,
  model: ChatModel,
): Promise<Finding> {
  const bench = await openBenchLog(cluster, projectDir, 1);
  const assigned = new Map<string, number>();
  let took: number[] = [];
  const swarm = await startBenchSwarm({
    bench,
    worker: { model, tools: createStubTools(0) },
    concurrency: 1,
    witness: {
      onAssigned: (key, atMs) => void assigned.set(key, atMs),
      onCompleted: (key, atMs) => void took.push(atMs - (assigned.get(key) ?? Number.NaN)),
    },
  });
  const run = async (tasks: number): Promise<readonly number[]> => {
    took = [];
    for (let begun = 0; begun < tasks; begun += TASKS_OF_MISSION) {
      await swarm.completed(
        await swarm.submit(
          Array.from({ length: TASKS_OF_MISSION }, (_, index) => [
            swarm.agents[(begun + index) % swarm.agents.length] ?? '',
          ]),
        ),
      );
    }
    return took;
  };
  try {
    await run(WARM_UP);
    const times = await rounds(count, () => run(TASKS));
    const floor = { name: 'append → read back', value: quantile(floors.roundTripMs, 0.5) };
    return {
      title: `one task at a time, ${what}, ${TASKS} tasks a round`,
      figures: [
        {
          ...figure(
            'task_assigned appended → task_completed read, p50',
            'ms',
            ...times.map((each) => quantile(each, 0.5)),
          ),
          floor,
        },
        {
          ...figure('the same, p99', 'ms', ...times.map((each) => quantile(each, 0.99))),
          floor: { name: 'p99 of it', value: quantile(floors.roundTripP99Ms, 0.5) },
        },
      ],
    };
  } finally {
    await swarm.close();
    await bench.close();
  }
}
