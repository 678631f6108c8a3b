import type { AppendRequest } from '../../src/ports/log.js';
import { openBenchLog, type BenchLog } from '../support/bench-log.js';
import { foldFigures, whenReady } from '../support/fold-figures.js';
import { memoryFigures } from '../support/memory-figures.js';
import { readRaw } from '../support/raw-read.js';
import { figure, type Finding } from '../support/report.js';
import { startRole } from '../support/role-process.js';
import { committedUpTo } from './committed.js';
import { assignment, missionIdIn, OWNER, taskRecord, type TaskPlace } from './events.js';
import type { PressureOptions } from './options.js';

/** The most that a tool's outcome may hold. */
const OBSERVATION = 'drwxr-xr-x 2 root root 4096 Nov 25 17:43 certs\n'.repeat(348);
const STEPS = 4;
const PARTITION = 0;
/** The old task is open for so long after the fold. */
const SLOW_SECONDS = 20;
const RESTED_MS = 5_000;

/**
 * One partition holds the journals of finished tasks behind an open one; then that one ends, and they lie before the
 * replay point.
 */
export async function measureLongTasksTopic({
  cluster,
  projectDir,
  megabytes,
}: PressureOptions): Promise<readonly Finding[]> {
  const bench = await openBenchLog(cluster, projectDir, SLOW_SECONDS);
  const agent = bench.agents[0] ?? '';
  const topic = bench.topics.tasks(agent);
  try {
    const written = await bench.write(journals(bench, agent, megabytes * 1024 * 1024));
    const raw = await readRaw(bench, [topic]);
    const after = startRole(projectDir, 'worker', bench.env);
    const afterReady = await whenReady(after);
    await committedUpTo(bench, bench.topics.workerGroup(agent), topic, PARTITION, written);
    const afterMemory = memoryFigures(after, afterReady.seconds);
    await after.stop();
    const before = startRole(projectDir, 'worker', bench.env);
    const beforeReady = await whenReady(before);
    await new Promise((resolve) => setTimeout(resolve, RESTED_MS));
    const beforeMemory = memoryFigures(before, beforeReady.seconds);
    await before.stop();
    return [
      {
        title: `${megabytes} MB of journals (${written} records) after the replay point of a tasks partition`,
        figures: [...foldFigures(written, afterReady, beforeReady, raw), ...afterMemory],
      },
      {
        title: 'the same before the replay point',
        figures: [
          figure('from the start to ready', 's', beforeReady.seconds),
          figure('processor time of that', 'CPU s', beforeReady.cpuSeconds),
          ...beforeMemory,
        ],
      },
    ];
  } finally {
    await bench.close();
  }
}

/** An assignment that no worker has started, and behind it tasks that have ended. */
function* journals(bench: BenchLog, agent: string, bytes: number): Iterable<AppendRequest> {
  const missionId = missionIdIn(0);
  const place = (number: number): TaskPlace => ({
    missionId,
    taskId: `deploy-${agent}-wave${number}`,
    agent,
    source: { partition: 0, offset: number },
  });
  const record = <T extends Parameters<typeof taskRecord>[3]>(
    number: number,
    type: T,
    payload: Parameters<typeof taskRecord<T>>[4],
  ) => taskRecord(bench, place(number), PARTITION, type, payload);
  yield record(0, 'partition_claimed', {
    owner: OWNER,
    worker_id: 'bench',
    topic: bench.topics.tasks(agent),
    partition: PARTITION,
  });
  yield record(1, 'task_assigned', assignment(place(1), bench.workspaceMarker));
  for (let number = 2, written = 0; written < bytes; number += 1) {
    const identity = { mission_id: missionId, task_id: place(number).taskId, attempt: 1, owner: OWNER };
    yield record(number, 'task_assigned', assignment(place(number), bench.workspaceMarker));
    for (let step = 1; step <= STEPS; step += 1) {
      yield record(number, 'tool_called', {
        ...identity,
        step,
        thought: 'I look at what is there.',
        tool: 'execute_terminal_command',
        arguments: JSON.stringify({ command: 'ls -l' }),
        idempotent: false,
        model: 'ollama:llama3.1',
        chain_index: 0,
        refusals: [],
        tokens_in: 900,
        tokens_out: 60,
        cost_usd: 0,
        reserved_tokens: 0,
        reserved_usd: 0,
        started_at: null,
        first_token_ms: null,
        model_ms: null,
        turn: null,
        repairs: [],
        decision: null,
        rule: null,
        approval_id: null,
        approved_by: null,
        refused_because: null,
        tainted_by: [],
        baseline: null,
        check_decisions: null,
      });
      yield record(number, 'tool_returned', {
        ...identity,
        step,
        outcome: 'ok',
        exit_code: 0,
        observation: OBSERVATION,
        output_digest: null,
        duration_ms: 5,
        checks: null,
        changed_paths: [],
        limit: null,
      });
      written += OBSERVATION.length + 600;
    }
    yield record(number, 'task_completed', {
      ...identity,
      steps: STEPS,
      model: 'ollama:llama3.1',
      tokens_in: 3600,
      tokens_out: 240,
      cost_usd: 0,
      duration_ms: 20,
      artifacts: null,
      result: { status: 'unverified', summary: 'It is as it should be.', outputs: {}, checks: [] },
    });
  }
}
