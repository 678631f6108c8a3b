import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import {
  FenceLost,
  type CheckCall,
  type CheckRun,
  type TaskPlace,
  type ToolCall,
  type ToolExecutor,
  type ToolOutcome,
} from '../ports/tools.js';
import { checkResults, forgetChecks } from './checks.js';
import { digestOfText } from './cut.js';
import {
  COMMAND,
  commandArguments,
  LIST,
  listArguments,
  READ,
  readArguments,
  TOOL_DEFINITIONS,
  WRITE,
  writeArguments,
  type CommandArguments,
  type WriteArguments,
} from './definitions.js';
import { CallRefused } from './errors.js';
import { listDirectory, readLines, type FileResult } from './file-tools.js';
import { noticingFullDisks } from './full-disk.js';
import { isReserved, parsePath } from './jail.js';
import { launch, takeFence, type LaunchEnd } from './launcher.js';
import { describeOutcome, keepCall, readCall, readLauncherOutcome, type CallRecord } from './outcome.js';
import { codeOf, preparePlace, stepName, type RunPlace } from './places.js';
import { shellProgram, writeProgram, type Program } from './programs.js';
import {
  INSIDE,
  sandboxArguments,
  systemMounts,
  unsandboxedArguments,
  type ReadOnlyBind,
  type UnusableSandbox,
  type UsableSandbox,
} from './sandbox.js';

export interface ToolExecutorOptions {
  /** Absolute; must hold a marker (workspaceMarker) before missions run. */
  readonly workspaceRoot: string;
  /** The project's scripts for agents, /toolbox inside; null: none. */
  readonly toolboxDir: string | null;
  /** What probeSandbox said at start, or off, given by hand. With an unusable one, commands and writes are refused. */
  readonly sandbox: UsableSandbox | UnusableSandbox | 'off';
  /** More read-only mounts, such as packages that the toolbox needs at /node_modules/NAME. */
  readonly extraBinds?: readonly ReadOnlyBind[];
  /** The node that agents' commands get, usually process.execPath. */
  readonly nodePath: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Creates the executor of all tools of this process. Throws ToolSetupError for binds that cannot be mounted. It keeps
 * no state but files, so any number of tasks may run side by side (one step of a task at a time), and another worker
 * can go on at any moment.
 */
export function createToolExecutor(options: ToolExecutorOptions): ToolExecutor {
  const { sandbox, clock } = options;
  const extraBinds = options.extraBinds ?? [];
  const system =
    sandbox !== 'off' && sandbox.ok
      ? systemMounts({ toolboxDir: options.toolboxDir, extraBinds, nodePath: options.nodePath })
      : null;
  const names = (place: RunPlace) =>
    sandbox === 'off' ? { workspace: place.workspace, outputs: place.outputs } : INSIDE;

  function placeOf(task: TaskPlace): Promise<RunPlace> {
    return preparePlace(task, {
      workspaceRoot: options.workspaceRoot,
      separateAccount: sandbox !== 'off' && sandbox.ok && sandbox.mode === 'root',
    });
  }

  function argumentVector(place: RunPlace, stem: string, program: Program, workspaceWritable: boolean): string[] {
    if (sandbox === 'off') {
      const { toolboxDir, nodePath } = options;
      return unsandboxedArguments({
        workspace: place.workspace,
        outputs: place.outputs,
        toolboxDir,
        extraBinds,
        nodePath,
        token: tokenOf(place, stem),
        program,
      });
    }
    if (!sandbox.ok || system === null)
      throw new CallRefused(
        `the sandbox cannot be built here: ${sandbox.ok ? '' : `${sandbox.reason}. ${sandbox.fix}`}`,
      );
    const { workspace, outputs, etcDir, account } = place;
    return sandboxArguments({
      sandbox,
      system,
      etcDir,
      workspace,
      workspaceWritable,
      hideState: place.holdsState,
      outputs,
      account,
      program,
    });
  }

  async function runOnce(
    call: ToolCall,
    place: RunPlace,
    record: CallRecord,
    program: Program,
    last: string,
    input: string | null,
    signal: AbortSignal,
  ): Promise<ToolOutcome> {
    const stem = stepName(call.task, call.step);
    const vector = argumentVector(place, stem, program, true);
    await keepCall(place, stem, record);
    const end = await launch(
      {
        place,
        stem,
        claimOffset: call.claimOffset,
        timeLimitMs: record.timeLimitMs,
        once: true,
        isolated: sandbox !== 'off',
        token: tokenOf(place, stem),
        commands: [last],
        argumentVector: vector,
        input,
      },
      signal,
    );
    if (end.kind !== 'done' && end.kind !== 'started_before') return notStarted(end);
    return (
      (await leftOutcome(place, stem)) ??
      plainOutcome('unknown', `step ${call.step} was started before and left no outcome; it may have run`)
    );
  }

  async function leftOutcome(place: RunPlace, stem: string): Promise<ToolOutcome | null> {
    const left = await readLauncherOutcome(place, stem);
    const record = left === null ? null : await readCall(place, stem);
    return left === null || record === null ? null : describeOutcome(place, stem, record, left);
  }

  function runCommand(
    call: ToolCall,
    args: CommandArguments,
    place: RunPlace,
    signal: AbortSignal,
  ): Promise<ToolOutcome> {
    const { area, parts } = parsePath(args.working_dir);
    if (area !== 'workspace') throw new CallRefused(`working_dir ${args.working_dir} is outside the workspace`);
    const record = {
      tool: COMMAND,
      command: args.command,
      timeLimitMs: Math.min(args.timeout * 1000, call.timeLimitMs),
      outputsAt: names(place).outputs,
    } as const;
    return runOnce(
      call,
      place,
      record,
      shellProgram([names(place).workspace, ...parts].join('/')),
      args.command,
      null,
      signal,
    );
  }

  function runWrite(call: ToolCall, args: WriteArguments, place: RunPlace, signal: AbortSignal): Promise<ToolOutcome> {
    const { area, parts } = parsePath(args.path);
    const name = parts.at(-1);
    if (area !== 'workspace') throw new CallRefused(`${args.path} is outside the workspace`);
    if (name === undefined) throw new CallRefused(`${args.path} is a directory`);
    if (isReserved(parts))
      throw new CallRefused(`${args.path} is reserved: it would change what other programs run or trust`);
    const record = {
      tool: WRITE,
      path: args.path,
      mode: args.mode,
      bytes: Buffer.byteLength(args.content),
      timeLimitMs: call.timeLimitMs,
      outputsAt: names(place).outputs,
    } as const;
    return runOnce(
      call,
      place,
      record,
      writeProgram(names(place).workspace, parts, args.mode),
      name,
      args.content,
      signal,
    );
  }

  function dispatch(call: ToolCall, place: RunPlace, signal: AbortSignal): Promise<ToolOutcome> {
    switch (call.tool) {
      case COMMAND:
        return runCommand(call, commandArguments.parse(call.arguments), place, signal);
      case WRITE:
        return runWrite(call, writeArguments.parse(call.arguments), place, signal);
      case READ:
        return inWorker(readLines(place, readArguments.parse(call.arguments), signal), signal);
      case LIST:
        return inWorker(listDirectory(place, listArguments.parse(call.arguments)), signal);
      default:
        throw new CallRefused(`there is no tool ${call.tool}`);
    }
  }

  async function run(call: ToolCall, signal: AbortSignal): Promise<ToolOutcome> {
    const started = clock.monotonicMs();
    const place = await placeOf(call.task);
    const outcome = await attempt(call, place, signal);
    const durationMs = Math.round(clock.monotonicMs() - started);
    options.logger.info(
      {
        mission_id: call.task.missionId,
        task_id: call.task.taskId,
        step: call.step,
        tool: call.tool,
        outcome: outcome.outcome,
        duration_ms: durationMs,
      },
      'tool.executed',
    );
    return { ...outcome, durationMs };
  }

  async function attempt(call: ToolCall, place: RunPlace, signal: AbortSignal): Promise<ToolOutcome> {
    try {
      const wrong = TOOL_DEFINITIONS.find((tool) => tool.name === call.tool)?.validate(call.arguments) ?? null;
      if (wrong !== null) throw new CallRefused(wrong);
      const outcome = await dispatch(call, place, signal);
      if (outcome.outcome === 'aborted' && (await wasFenced(place, call)))
        throw new FenceLost(`A newer claim than ${call.claimOffset} took the task over while step ${call.step} ran.`);
      return outcome;
    } catch (error) {
      if (error instanceof CallRefused) return plainOutcome('refused', error.message);
      throw error;
    }
  }

  async function wasFenced(place: RunPlace, call: ToolCall): Promise<boolean> {
    return (await readLauncherOutcome(place, stepName(call.task, call.step)))?.reason === 'fenced';
  }

  async function runChecks(call: CheckCall, signal: AbortSignal): Promise<CheckRun> {
    const place = await placeOf(call.task);
    const stem = stepName(call.task, call.step);
    if (sandbox !== 'off' && !sandbox.ok)
      return checkResults({
        place,
        stem,
        call,
        outputsAt: INSIDE.outputs,
        failure: `the sandbox cannot be built here: ${sandbox.reason}. ${sandbox.fix}`,
      });
    const vector = argumentVector(place, stem, shellProgram(names(place).workspace), false);
    const commands = call.checks.map((check) => check.command);
    await forgetChecks(place, stem, commands.length);
    const end = await launch(
      {
        place,
        stem,
        claimOffset: call.claimOffset,
        timeLimitMs: call.timeLimitMs,
        once: false,
        isolated: sandbox !== 'off',
        token: tokenOf(place, stem),
        commands,
        argumentVector: vector,
        input: null,
      },
      signal,
    );
    signal.throwIfAborted();
    return checkResults({
      place,
      stem,
      call,
      outputsAt: names(place).outputs,
      failure: end.kind === 'failed' ? end.reason : null,
    });
  }

  return noticingFullDisks({
    definitions: () => TOOL_DEFINITIONS,
    takeFence: async (task, claimOffset, signal) => takeFence(await placeOf(task), claimOffset, signal),
    recoverOutcome: async (task, step) => leftOutcome(await placeOf(task), stepName(task, step)),
    prepareWorkspace: async (task) => (await placeOf(task)).workspace,
    run,
    runChecks,
  });
}

/** Finds the processes of a run without a sandbox; one step of a task runs at a time. */
function tokenOf(place: RunPlace, stem: string): string {
  return `${place.run}/${stem}`;
}

function notStarted(end: LaunchEnd): ToolOutcome {
  return end.kind === 'failed'
    ? plainOutcome('refused', `it was not run: ${end.reason}`)
    : plainOutcome('aborted', 'stopped before it was started');
}

function plainOutcome(outcome: ToolOutcome['outcome'], message: string): ToolOutcome {
  return { outcome, exitCode: null, observation: message, outputDigest: null, durationMs: 0 };
}

/** Reading and listing: a missing file is an outcome, so is an abort. */
async function inWorker(result: Promise<FileResult>, signal: AbortSignal): Promise<ToolOutcome> {
  try {
    const { observation, output } = await result;
    return { outcome: 'ok', exitCode: null, observation, outputDigest: digestOfText(output), durationMs: 0 };
  } catch (error) {
    if (signal.aborted) return plainOutcome('aborted', 'stopped before its end');
    if (codeOf(error).startsWith('E')) return plainOutcome('error', SYSTEM_ERRORS[codeOf(error)] ?? codeOf(error));
    throw error;
  }
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
};
