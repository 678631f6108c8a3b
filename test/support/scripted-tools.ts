import { createHash } from 'node:crypto';
import type { Baseline } from '../../src/domain/baseline.js';
import {
  FenceLost,
  WorkspaceFull,
  type TaskPlace,
  type ToolCall,
  type ToolExecutor,
  type ToolOutcome,
} from '../../src/ports/tools.js';

/** What happened to the world: every tool start, by mission/task/attempt#step. */
export interface Ledger {
  readonly starts: string[];
  readonly checks: string[];
  /** The inputs that checks had, by their command. */
  readonly checkInputs: Map<string, TaskPlace['inputs']>;
  /** Tasks whose baseline was taken, by mission/task/attempt. */
  readonly baselines: string[];
  /** Commands of checks that were run before a task's first step. */
  readonly before: string[];
  /** Tasks whose workspace was made before their first call. */
  readonly prepared: string[];
  /** Commands of checks that were run in an empty directory with their finish. */
  readonly late: string[];
  /** Snapshots that were asked for: the task, how many starts there were, the wave and when. */
  readonly snapshots: string[];
  /** Listings of artifacts: the task, its attempt, and how many starts there were. */
  readonly artifacts: string[];
}

/** How a command behaves, or its outcome. hang: until it is aborted or released. The call is not known of a check. */
export type Behaviour = (command: string, call?: ToolCall) => 'ok' | 'fail' | 'hang' | ToolOutcome;

export interface ScriptedTools extends ToolExecutor {
  readonly ledger: Ledger;
  /** Protected files that differ from the baseline, as changedPaths tells; tests change it. */
  readonly changed: string[];
  /** Called before protected files are compared. */
  onCompare(before: () => unknown): void;
  /** Lets hanging commands end well. */
  release(): void;
  /** Kills this executor's worker: its running commands never report, as after SIGKILL. */
  die(): void;
}

/** Outcomes and fences that several workers share, as they would share a volume. */
export interface SharedVolume {
  readonly fences: Map<string, number>;
  /** Tasks whose lock something holds that does not end, by mission/task; tests change it. */
  readonly locked: Set<string>;
  readonly outcomes: Map<string, ToolOutcome>;
  /** By mission/task. */
  readonly baselines: Map<string, Baseline>;
  /** Settled ones that the log has, by mission and wave. */
  readonly snapshots: Set<string>;
}

export const createSharedVolume = (): SharedVolume => ({
  fences: new Map(),
  locked: new Set(),
  outcomes: new Map(),
  baselines: new Map(),
  snapshots: new Set(),
});

const nameOf = (task: TaskPlace): string => `${task.missionId}/${task.taskId}`;
const stepOf = (call: { task: TaskPlace; step: number }): string =>
  `${nameOf(call.task)}/${call.task.attempt}#${call.step}`;

/**
 * Tools without processes, for tests of the roles: the same contract as the real executor, and a ledger of what it did.
 */
export function createScriptedTools(
  ledger: Ledger,
  volume: SharedVolume,
  behaviour: Behaviour = () => 'ok',
): ScriptedTools {
  const hanging = new Set<() => void>();
  const changed: string[] = [];
  let beforeCompare: () => unknown = () => undefined;
  let dead = false;
  const outcomeOf = (exitCode: number, text: string): ToolOutcome => ({
    outcome: exitCode === 0 ? 'ok' : 'error',
    exitCode,
    observation: text,
    outputDigest: createHash('sha256').update(text).digest('hex'),
    durationMs: 1,
  });

  function hang(signal: AbortSignal): Promise<ToolOutcome> {
    return new Promise((resolve) => {
      const end = (outcome: ToolOutcome) => {
        hanging.delete(released);
        if (!dead) resolve(outcome);
      };
      const released = () => end(outcomeOf(0, 'released'));
      hanging.add(released);
      signal.addEventListener(
        'abort',
        () => end({ outcome: 'aborted', exitCode: null, observation: 'stopped', outputDigest: null, durationMs: 1 }),
        { once: true },
      );
    });
  }

  return {
    ledger,
    changed,
    onCompare: (before) => void (beforeCompare = before),
    release: () => [...hanging].forEach((released) => released()),
    die() {
      dead = true;
    },
    definitions: () => [
      {
        name: 'execute_terminal_command',
        description: 'Runs a command.',
        parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
        idempotent: () => false,
        validate: () => null,
      },
    ],
    async takeFence(task, claimOffset, signal) {
      const name = nameOf(task);
      if ((volume.fences.get(name) ?? -1) > claimOffset) throw new FenceLost('a higher claim is there');
      volume.fences.set(name, claimOffset);
      if (volume.locked.has(name)) await aborted(signal);
    },
    recoverOutcome: async (task, step) => volume.outcomes.get(stepOf({ task, step })) ?? null,
    async run(call, signal) {
      if ((volume.fences.get(nameOf(call.task)) ?? -1) > call.claimOffset)
        throw new FenceLost('a higher claim is there');
      const command = String(call.arguments['command']);
      ledger.starts.push(stepOf(call));
      const how = behaviour(command, call);
      if (how === 'hang') return hang(signal);
      const outcome = typeof how === 'object' ? how : outcomeOf(how === 'ok' ? 0 : 1, command);
      volume.outcomes.set(stepOf(call), outcome);
      return outcome;
    },
    async runChecks(call) {
      const results = call.checks.map((check) => ({
        name: check.name,
        command: check.command,
        exit_code: behaviour(check.command) === 'fail' ? 1 : 0,
        duration_ms: 1,
        output_digest: '',
        baseline: null,
        output: null,
      }));
      ledger.checks.push(stepOf(call));
      for (const { command } of call.checks) ledger.checkInputs.set(command, call.task.inputs);
      const failed = results.find((result) => result.exit_code !== 0);
      return {
        passed: failed === undefined,
        results,
        observation: failed === undefined ? 'all checks passed' : `check ${failed.name} failed`,
      };
    },
    /**
     * A check with the word vacuous has passed everywhere before, one with the word held in the workspace only, and one
     * with the word slow took too long.
     */
    async takeBaseline({ task, checks, protection }) {
      const known = volume.baselines.get(nameOf(task)) ?? {
        checks: checks.map(({ command }) =>
          command.includes('slow')
            ? { workspace: 124, empty: 124 }
            : {
                workspace: /vacuous|held/.test(command) ? 0 : 1,
                empty: command.includes('vacuous') ? 0 : 1,
              },
        ),
        protected: [...protection.listed, ...protection.named.map(({ path }) => path)].map((path) => ({
          path,
          digest: 'as it was',
        })),
      };
      if (!volume.baselines.has(nameOf(task))) {
        ledger.baselines.push(`${nameOf(task)}/${task.attempt}`);
        ledger.before.push(...checks.map(({ command }) => command));
      }
      volume.baselines.set(nameOf(task), known);
      return known;
    },
    async runInEmpty({ checks }) {
      ledger.late.push(...checks.map(({ command }) => command));
      return checks.map(({ command }) => (command.includes('vacuous') ? 0 : 1));
    },
    async changedPaths() {
      await beforeCompare();
      return [...changed];
    },
    async prepareWorkspace(task) {
      ledger.prepared.push(nameOf(task));
      return '/workspace';
    },
    checkWorkspace: async () => undefined,
    async listArtifacts(task, patterns, _timeLimitMs, signal) {
      ledger.artifacts.push(`${task.taskId} attempt ${task.attempt} after ${ledger.starts.length}`);
      const how = behaviour('list artifacts');
      if (how === 'fail') throw new WorkspaceFull({ cause: new Error('ENOSPC') });
      if (how === 'hang') await hang(signal);
      signal.throwIfAborted();
      const files = patterns.filter((path) => !path.includes('*')).map((path) => ({ path, bytes: 3, digest: 'abc' }));
      const unmatched = patterns.filter((path) => path.includes('*'));
      return { host: 'here', directory: '/workspace', files, unmatched, leftOut: [], leftOutCount: 0 };
    },
    async takeSnapshot(task, wave, when, signal) {
      ledger.snapshots.push(`${task.taskId} after ${ledger.starts.length}: wave ${wave} ${when}`);
      const how = behaviour(`snapshot ${wave} ${when}`);
      if (how === 'fail') throw new WorkspaceFull({ cause: new Error('ENOSPC') });
      if (how === 'hang') await hang(signal);
      signal.throwIfAborted();
      const name = `${task.missionId} ${wave}`;
      if (when === 'settled' && volume.snapshots.has(name)) return null;
      return {
        wave,
        begunNs: String(ledger.snapshots.length),
        digest: `digest ${wave}`,
        files: 2,
        bytes: 10,
        leftOut: 0,
      };
    },
    noteSnapshot: async (task, wave) => void volume.snapshots.add(`${task.missionId} ${wave}`),
  };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
