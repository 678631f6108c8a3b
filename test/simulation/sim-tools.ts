/**
 * The workspaces' volume and the launchers on it, as src/tools has them: a fence and a lock for each task, start marks,
 * and outcomes that outlive the worker. A launcher is a separate process: it keeps running if its worker is paused or
 * dies.
 */
import type { Baseline } from '../../src/domain/baseline.js';
import type {
  BaselineCall,
  CheckCall,
  CheckRun,
  TaskPlace,
  ToolCall,
  ToolDefinition,
  ToolExecutor,
  ToolOutcome,
} from '../../src/ports/tools.js';
import type { Faults } from './faults.js';
import type { FrozenComputers } from './frozen-computers.js';
import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';
import type { System } from './system.js';
import { textHash } from './text-hash.js';
import type { World } from './world.js';

export interface Start {
  readonly process: SimProcess;
  readonly call: ToolCall;
}

export interface SimVolume {
  executorOf(process: SimProcess): ToolExecutor;
  /** Commands that are running now. */
  running(): number;
}

export interface SimVolumeOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly system: System;
  /** For baselines only. */
  readonly baselineRandom: Random;
  readonly frozen: FrozenComputers;
  /** A call was read back, and its launcher is about to be spawned. */
  beforeSpawn(process: SimProcess): void;
  /** A tool that runs in the worker itself is about to end. */
  beforeEnd(process: SimProcess): void;
  /** A baseline starts. */
  onBaseline(process: SimProcess, task: TaskPlace): void;
  /** A snapshot of the state before the task's wave is asked for. */
  onSnapshot(task: TaskPlace): void;
  /** A tool is started now. */
  onStart(start: Start): void;
  /** Nothing of it runs any more. */
  onEnd(start: Start): void;
  /** A call record is about to be started although it was before; only the start mark keeps it from running. */
  onSecondStart(start: Start): void;
}

interface Launch {
  readonly claimOffset: number;
  kill(reason: 'fenced' | 'aborted'): void;
}

interface TaskFiles {
  fence: number;
  running: Launch | null;
  readonly waiting: (() => void)[];
  readonly started: Set<string>;
  readonly outcomes: Map<string, ToolOutcome>;
  /** A tool of the task was started: its workspace is not as it was. */
  isTouched: boolean;
  baseline: Baseline | null;
}

type End =
  | { readonly kind: 'done'; readonly outcome: ToolOutcome }
  | { readonly kind: 'fenced' | 'aborted' | 'started_before' };

export const COMMAND = 'execute_terminal_command';
export const READ = 'workspace_read';
/** The launcher's watcher looks ten times a second. */
const POLL_MS = 100;

const text = (name: string) => ({ type: 'object', properties: { [name]: { type: 'string' } }, required: [name] });
const definitions: readonly ToolDefinition[] = [
  {
    name: COMMAND,
    description: 'Runs a command.',
    parameters: text('command'),
    idempotent: () => false,
    validate: () => null,
  },
  { name: READ, description: 'Reads a file.', parameters: text('path'), idempotent: () => true, validate: () => null },
];

/** Some checks of some missions pass whatever is there. */
export const isVacuousCheck = (missionId: string, command: string): boolean =>
  textHash(`${missionId} ${command}`) % 4 === 0;

const taskOf = ({ missionId, taskId }: TaskPlace) => `${missionId}/${taskId}`;
const stepOf = ({ attempt }: TaskPlace, step: number) => `${attempt}#${step}`;
const outcome = (kind: ToolOutcome['outcome'], exitCode: number | null, observation: string): ToolOutcome => ({
  outcome: kind,
  exitCode,
  observation,
  outputDigest: exitCode === null ? null : `digest of ${observation}`,
  durationMs: 1,
});

export function createSimVolume({
  world,
  faults,
  system,
  baselineRandom,
  frozen,
  beforeSpawn,
  beforeEnd,
  onBaseline,
  onSnapshot,
  onStart,
  onEnd,
  onSecondStart,
}: SimVolumeOptions): SimVolume {
  const { random } = world;
  const tasks = new Map<string, TaskFiles>();
  let running = 0;
  /** In the other runs a baseline takes no time, as beside a model that thinks longer. */
  const isSlow = baselineRandom.chance(0.25);

  const filesOf = (place: TaskPlace): TaskFiles => {
    const known = tasks.get(taskOf(place)) ?? {
      fence: -1,
      running: null,
      waiting: [],
      started: new Set(),
      outcomes: new Map(),
      isTouched: false,
      baseline: null,
    };
    tasks.set(taskOf(place), known);
    return known;
  };

  /** False when a higher claim is there. */
  function raiseFence(files: TaskFiles, claimOffset: number): boolean {
    if (files.fence > claimOffset) return false;
    files.fence = claimOffset;
    const { running: launch } = files;
    if (launch !== null && launch.claimOffset < claimOffset)
      world.at(random.next() * POLL_MS, () => launch.kill('fenced'));
    return true;
  }

  /** Calls back under the task's lock; a caller that is gone by then does not take it. */
  function withLock(files: TaskFiles, isGone: () => boolean, run: () => void): void {
    const tryNext = () => {
      if (isGone()) files.waiting.shift()?.();
      else run();
    };
    if (files.running === null) tryNext();
    else files.waiting.push(tryNext);
  }

  function release(files: TaskFiles): void {
    files.running = null;
    files.waiting.shift()?.();
  }

  /** A launcher from its spawn to its end. once: the name of the step that may start only once. */
  function launch(
    place: TaskPlace,
    claimOffset: number,
    options: {
      readonly once: { readonly name: string; readonly start: Start } | null;
      readonly run: { readonly durationMs: number; readonly outcome: ToolOutcome };
      readonly onAbort: (listener: () => void) => void;
      readonly end: (end: End) => void;
    },
  ): void {
    const files = filesOf(place);
    const { once, run, end } = options;
    let stopped = false;
    options.onAbort(() => {
      stopped = true;
    });
    if (!raiseFence(files, claimOffset)) return end({ kind: 'fenced' });
    withLock(
      files,
      () => stopped && (end({ kind: 'aborted' }), true),
      () => {
        if (files.fence > claimOffset)
          return (end({ kind: 'fenced' }), void (files.running === null && files.waiting.shift()?.()));
        if (once !== null && files.started.has(once.name)) {
          onSecondStart(once.start);
          return (end({ kind: 'started_before' }), void (files.running === null && files.waiting.shift()?.()));
        }
        if (once !== null) {
          files.started.add(once.name);
          files.isTouched = true;
          onStart(once.start);
        }
        begin(files);
      },
    );

    function begin(held: TaskFiles): void {
      let over = false;
      running += 1;
      const endNow = (result: End) => {
        if (over) return;
        over = true;
        running -= 1;
        if (once !== null) onEnd(once.start);
        if (result.kind === 'done' && once !== null) held.outcomes.set(once.name, result.outcome);
        if (result.kind !== 'done' && once !== null) held.outcomes.set(once.name, outcome('aborted', null, 'stopped'));
        release(held);
        end(result);
      };
      const finish = once === null ? endNow : frozen.during(once.start.process, run.durationMs, endNow);
      held.running = { claimOffset, kill: (reason) => finish({ kind: reason }) };
      options.onAbort(() => void world.at(random.next() * 20, () => finish({ kind: 'aborted' })));
      world.at(run.durationMs, () => finish({ kind: 'done', outcome: run.outcome }));
    }
  }

  function behaviourOf(
    what: string,
    timeLimitMs: number,
  ): { readonly durationMs: number; readonly outcome: ToolOutcome } {
    if (faults.on('tools')) {
      if (random.chance(0.05))
        return { durationMs: timeLimitMs, outcome: outcome('error', 124, `${what} took too long`) };
      // A paused launcher does not enforce the time limit either.
      if (random.chance(0.02))
        return { durationMs: 2 * timeLimitMs + 60_000, outcome: outcome('error', 124, `${what} hung`) };
      if (random.chance(0.03))
        return {
          durationMs: random.delayMs(100),
          outcome: outcome('ok', 0, random.pick(['', '\u0000\ufffd{"thought":', 'x'.repeat(20_000)])),
        };
      if (random.chance(0.1))
        return {
          durationMs: Math.min(timeLimitMs, random.delayMs(200)),
          outcome: outcome('error', 1, `${what} failed`),
        };
      if (random.chance(0.1))
        return { durationMs: Math.min(timeLimitMs, random.next() * 30_000), outcome: outcome('ok', 0, `${what} done`) };
    }
    return {
      durationMs: Math.min(timeLimitMs, random.delayMs(100)),
      outcome: outcome('ok', 0, `${what} done ${random.below(1000)}`),
    };
  }

  function executorOf(process: SimProcess): ToolExecutor {
    /** The worker's side: it asks for a launcher and hears of its end, unless it is gone. */
    function ask<T>(
      place: TaskPlace,
      claimOffset: number,
      signal: AbortSignal,
      options: {
        readonly once: { readonly name: string; readonly start: Start } | null;
        readonly run: { readonly durationMs: number; readonly outcome: ToolOutcome };
      },
      answer: (end: End) => T,
    ): Promise<T> {
      return new Promise((resolve, reject) => {
        const aborts: (() => void)[] = [];
        const onAbort = (listener: () => void) => (signal.aborted ? listener() : void aborts.push(listener));
        signal.addEventListener('abort', () => aborts.forEach((listener) => process.isAlive() && listener()), {
          once: true,
        });
        beforeSpawn(process);
        process.later(random.delayMs(4), () => {
          launch(place, claimOffset, {
            ...options,
            onAbort,
            end: (end) =>
              void process.later(random.delayMs(1), () => {
                try {
                  resolve(answer(end));
                } catch (error) {
                  reject(error);
                }
              }),
          });
        });
      });
    }

    const fenced = () => new system.FenceLost('a newer claim has taken the task over');

    async function run(call: ToolCall, signal: AbortSignal): Promise<ToolOutcome> {
      const start: Start = { process, call };
      const what = String(call.arguments['command'] ?? call.arguments['path']);
      if (call.tool === READ) {
        onStart(start);
        filesOf(call.task).isTouched = true;
        beforeEnd(process);
        await new Promise<void>((resolve) => process.later(random.delayMs(5), resolve));
        return signal.aborted
          ? outcome('aborted', null, 'stopped before its end')
          : outcome('ok', null, `${what} read ${random.below(1000)}`);
      }
      const name = stepOf(call.task, call.step);
      return ask(
        call.task,
        call.claimOffset,
        signal,
        { once: { name, start }, run: behaviourOf(what, call.timeLimitMs) },
        (end) => {
          if (end.kind === 'fenced') throw fenced();
          if (end.kind === 'aborted') return outcome('aborted', null, 'stopped');
          if (end.kind === 'done') return end.outcome;
          return (
            filesOf(call.task).outcomes.get(name) ?? outcome('unknown', null, 'it was started before and may have run')
          );
        },
      );
    }

    async function runChecks(call: CheckCall, signal: AbortSignal): Promise<CheckRun> {
      const behaviour = behaviourOf('check', call.timeLimitMs);
      const end = await ask(call.task, call.claimOffset, signal, { once: null, run: behaviour }, (ended) => ended);
      if (end.kind === 'fenced') throw fenced();
      signal.throwIfAborted();
      const exitCode = end.kind === 'done' ? (end.outcome.exitCode ?? 1) : 1;
      const results = call.checks.slice(0, exitCode === 0 ? undefined : 1).map((check) => ({
        name: check.name,
        command: check.command,
        exit_code: exitCode,
        duration_ms: 1,
        output_digest: 'digest',
        baseline: null,
        output: null,
      }));
      return {
        passed: exitCode === 0 || call.checks.length === 0,
        results,
        observation: exitCode === 0 ? 'all checks passed' : 'a check failed',
      };
    }

    /** The first one that is kept counts; a check that seems to hold before shows that it was taken too late. */
    async function takeBaseline(call: BaselineCall, signal: AbortSignal): Promise<Baseline> {
      onBaseline(process, call.task);
      const files = filesOf(call.task);
      if (files.baseline === null && isSlow) {
        const run = { durationMs: baselineRandom.delayMs(200), outcome: outcome('ok', 0, '') };
        const end = await ask(call.task, call.claimOffset, signal, { once: null, run }, (ended) => ended);
        if (end.kind === 'fenced') throw fenced();
        signal.throwIfAborted();
      }
      files.baseline ??= {
        checks: call.checks.map(({ command }) => {
          const isVacuous = isVacuousCheck(call.task.missionId, command);
          return { workspace: isVacuous || files.isTouched ? 0 : 1, empty: isVacuous ? 0 : 1 };
        }),
        protected: [],
      };
      return files.baseline;
    }

    async function takeFence(place: TaskPlace, claimOffset: number, signal: AbortSignal): Promise<void> {
      await new Promise<void>((resolve, reject) => {
        process.later(random.delayMs(4), () => {
          const files = filesOf(place);
          const refuse = () => process.later(1, () => reject(fenced()));
          if (!raiseFence(files, claimOffset)) return refuse();
          withLock(
            files,
            () => !process.isAlive(),
            () => {
              files.waiting.shift()?.();
              if (files.fence > claimOffset) return refuse();
              process.later(random.delayMs(1), resolve);
            },
          );
        });
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
    }

    const later = <T>(value: () => T) =>
      new Promise<T>((resolve) => process.later(random.delayMs(1), () => resolve(value())));
    async function prepareWorkspace(): Promise<string> {
      const directory = await later(() => '/workspace');
      if (faults.on('tools') && random.chance(0.02))
        throw new system.WorkspaceUnusable('the workspace is not writable');
      return directory;
    }
    return {
      definitions: () => definitions,
      run,
      runChecks,
      takeBaseline,
      runInEmpty: async ({ checks, task }) =>
        checks.map(({ command }) => (isVacuousCheck(task.missionId, command) ? 0 : 1)),
      changedPaths: async () => [],
      takeFence,
      async recoverOutcome(place, step) {
        // The volume may be slow: much happens while it is asked.
        if (faults.on('tools') && random.chance(0.3))
          await new Promise<void>((resolve) => process.later(random.next() * 5_000, resolve));
        return later(() => filesOf(place).outcomes.get(stepOf(place, step)) ?? null);
      },
      async takeSnapshot(task, _wave, when) {
        if (when === 'settled') onSnapshot(task);
        return null;
      },
      noteSnapshot: async () => undefined,
      listArtifacts: async (_task, unmatched) => {
        return { host: '', directory: '/workspace', files: [], unmatched, leftOut: [], leftOutCount: 0 };
      },
      prepareWorkspace,
      checkWorkspace: async () => void (await prepareWorkspace()),
    };
  }

  return { executorOf, running: () => running };
}
