/** The parts of a call in the sandbox, measured with the rights of this process. */
import { spawn } from 'node:child_process';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { LAUNCHER_PATH, LAUNCHER_PROGRAM } from '../../src/tools/launcher-process.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { openCgroups } from '../../src/tools/cgroups.js';
import { probeSandbox } from '../../src/tools/probe.js';
import { INSIDE } from '../../src/tools/sandbox.js';
import { createToolExecutor } from '../../src/tools/tool-executor.js';
import {
  argumentVector,
  createToolRuntime,
  placeOf,
  shellIn,
  type ToolExecutorOptions,
} from '../../src/tools/tool-runtime.js';
import type { TaskPlace } from '../../src/ports/tools.js';
import { quantile } from '../support/statistics.js';

/** Of each round; the median of them counts. */
const CALLS = 20;
const WARM_UP = 4;

const silent: ToolExecutorOptions['logger'] = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silent,
};

type Part = readonly [name: string, once: () => Promise<void>];

export interface MeasuredParts {
  /** root or user. */
  readonly mode: string;
  /** The median of each round, in milliseconds, by part. */
  readonly medians: Readonly<Record<string, readonly number[]>>;
}

/** @param root of the workspaces; this user can write there. Rejects where the sandbox cannot be made. */
export async function measureParts(root: string, rounds: number): Promise<MeasuredParts> {
  const { mode, parts } = await partsOf(root);
  for (const [, once] of parts) for (let call = 0; call < WARM_UP; call += 1) await once();
  const medians: Record<string, number[]> = Object.fromEntries(parts.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const [name, value] of await roundOf(parts)) medians[name]?.push(value);
  return { mode, medians };
}

/** The median of each part, measured in turns, so that what else the computer does meets all of them. */
async function roundOf(parts: readonly Part[]): Promise<readonly (readonly [string, number])[]> {
  const samples = parts.map(([name, once]) => ({ name, once, times: [] as number[] }));
  for (let call = 0; call < CALLS; call += 1)
    for (const { once, times } of samples) {
      const began = performance.now();
      await once();
      times.push(performance.now() - began);
    }
  return samples.map(({ name, times }) => [name, quantile(times, 0.5)]);
}

export const PLAIN = 'sh -c true';
export const CALL = 'the whole call';

async function partsOf(root: string): Promise<{ mode: string; parts: readonly Part[] }> {
  const system = { toolboxDir: null, extraBinds: [], nodePath: process.execPath };
  const sandbox = await probeSandbox(system);
  if (!sandbox.ok) throw new Error(`This bench needs the sandbox: ${sandbox.reason}. ${sandbox.fix}`);
  const cgroups = await openCgroups();
  const options = { ...system, workspaceRoot: root, sandbox, cgroups, clock: createSystemClock(), logger: silent };
  const task = {
    missionId: 'bench',
    taskId: 'bench',
    attempt: 1,
    workspace: null,
    workspaceMarker: await workspaceMarker(root),
    secretsKey: 'none',
  } as const;
  const runtime = createToolRuntime(options);
  const vector = argumentVector(
    runtime,
    await placeOf(runtime, task),
    'a1-s0',
    shellIn(runtime, INSIDE.workspace),
    true,
  );
  const mounts = vector.slice(0, vector.indexOf('--') + 1);
  return {
    mode: sandbox.mode,
    parts: [
      [PLAIN, () => started('/bin/sh', ['-c', 'true'])],
      [CALL, callOf(createToolExecutor(options), task)],
      ['perl by itself', () => started('perl', ['-e', '0'])],
      ['perl, and the launcher compiled', () => started('perl', ['-c', LAUNCHER_PROGRAM])],
      ['bwrap with its mounts', () => started('bwrap', [...mounts.slice(1), '/bin/true'])],
      ['bwrap and what runs inside', () => started('bwrap', [...vector.slice(1), 'true'])],
      [
        'sh without a sandbox, under the launcher',
        callOf(createToolExecutor({ ...options, sandbox: 'off' }), { ...task, taskId: 'off' }),
      ],
    ],
  };
}

function callOf(executor: ReturnType<typeof createToolExecutor>, task: TaskPlace): () => Promise<void> {
  let step = 0;
  return async () => {
    const call = { task, step: ++step, claimOffset: 1, timeLimitMs: 30_000, tool: 'execute_terminal_command' };
    const { outcome, observation } = await executor.run(
      { ...call, arguments: { command: 'true' } },
      new AbortController().signal,
    );
    if (outcome !== 'ok') throw new Error(`The command did not run: ${observation}`);
  };
}

/** A program from its start to its end. */
function started(program: string, parameters: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { cwd: '/', env: { PATH: LAUNCHER_PATH }, stdio: 'ignore' });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`${program} ended with ${code ?? 'a signal'}`)),
    );
  });
}
