import { jest } from '@jest/globals';
import { mkdtempSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../src/ports/clock.js';
import type { Logger } from '../../src/ports/logger.js';
import type { TaskPlace, ToolCall, ToolExecutor, ToolOutcome } from '../../src/ports/tools.js';
import { openCgroups, type Cgroups } from '../../src/tools/cgroups.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { probeSandbox } from '../../src/tools/probe.js';
import type { Provisions } from '../../src/tools/provisions.js';
import type { ReadOnlyBind, UnusableSandbox, UsableSandbox } from '../../src/tools/sandbox.js';
import { createToolExecutor } from '../../src/tools/tool-executor.js';
import type { ToolExecutorOptions } from '../../src/tools/tool-runtime.js';

// Real processes on a busy computer; the tests assert no durations.
jest.setTimeout(60_000);

export const clock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const logger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => logger };

export interface HarnessOptions {
  readonly sandbox?: UsableSandbox | UnusableSandbox | 'off';
  readonly root?: string;
  readonly toolboxDir?: string | null;
  readonly extraBinds?: readonly ReadOnlyBind[];
  readonly nodePath?: string;
  readonly redact?: (text: string) => string;
  /** Default: those that this process may make. */
  readonly cgroups?: Cgroups;
  readonly minFreeMb?: number;
  readonly lookup?: ToolExecutorOptions['lookup'];
  readonly provisions?: Provisions;
  readonly metrics?: ToolExecutorOptions['metrics'];
}

export interface Harness {
  readonly root: string;
  readonly executor: ToolExecutor;
  task(taskId?: string, missionId?: string, attempt?: number): TaskPlace;
  workspace(missionId?: string): string;
  /** The run directory of a task. */
  runOf(task: TaskPlace): string;
  call(
    tool: string,
    args: Record<string, unknown>,
    options?: Partial<Omit<ToolCall, 'tool' | 'arguments'>>,
    signal?: AbortSignal,
  ): Promise<ToolOutcome>;
  /** Runs a command as the next step of the first task. */
  sh(command: string, options?: Partial<Omit<ToolCall, 'tool' | 'arguments'>>): Promise<CommandResult>;
}

export interface CommandResult extends ToolOutcome {
  readonly exit_code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly success: boolean;
  readonly note?: string;
}

export const never = new AbortController().signal;
const roots: string[] = [];

export function temporaryDirectory(base: string = tmpdir()): string {
  const directory = realpathSync(mkdtempSync(join(base, 'ravenhelm-tools-')));
  roots.push(directory);
  return directory;
}

export function removeTemporaryDirectories(): void {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
}

let probed: Promise<UsableSandbox | UnusableSandbox> | null = null;

export async function usableSandbox(): Promise<UsableSandbox> {
  probed ??= probeSandbox({ toolboxDir: null, extraBinds: [], nodePath: process.execPath });
  const sandbox = await probed;
  if (!sandbox.ok) throw new Error(`these tests need bubblewrap: ${sandbox.reason}. ${sandbox.fix}`);
  return sandbox;
}

export async function createHarness(options: HarnessOptions = {}): Promise<Harness> {
  const root = options.root ?? temporaryDirectory();
  mkdirSync(root, { recursive: true });
  const workspaceMarkerId = await workspaceMarker(root);
  const executor = createToolExecutor({
    workspaceRoot: root,
    toolboxDir: options.toolboxDir ?? null,
    sandbox: options.sandbox ?? (await usableSandbox()),
    extraBinds: options.extraBinds ?? [],
    nodePath: options.nodePath ?? process.execPath,
    cgroups: options.cgroups ?? (await openCgroups()),
    minFreeMb: options.minFreeMb ?? 0,
    ...(options.provisions === undefined ? {} : { provisions: options.provisions }),
    clock,
    logger,
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    ...(options.redact === undefined ? {} : { redact: options.redact }),
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
  });
  const steps = new Map<string, number>();
  const task = (taskId = 'deploy-cert_agent-wave1', missionId = 'm1', attempt = 1): TaskPlace => ({
    missionId,
    taskId,
    attempt,
    workspace: null,
    workspaceMarker: workspaceMarkerId,
    secretsKey: 'none',
  });
  const call: Harness['call'] = (tool, args, overrides = {}, signal = new AbortController().signal) => {
    const place = overrides.task ?? task();
    const step = overrides.step ?? (steps.get(place.taskId) ?? 0) + 1;
    steps.set(place.taskId, step);
    return executor.run(
      { task: place, step, claimOffset: 10, timeLimitMs: 30_000, ...overrides, tool, arguments: args },
      signal,
    );
  };
  return {
    root,
    executor,
    task,
    workspace: (missionId = 'm1') => join(root, missionId),
    runOf: (place) => join(place.workspace ?? root, '.ravenhelm', 'runs', place.missionId, place.taskId),
    call,
    async sh(command, overrides) {
      const outcome = await call('execute_terminal_command', { command }, overrides);
      const result: CommandResult = { ...outcome, ...JSON.parse(outcome.observation) };
      return result;
    },
  };
}
