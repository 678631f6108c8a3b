import { orAborted } from '../domain/deferred.js';
import { systemErrorWords } from '../domain/system-error.js';
import {
  FenceLost,
  type ArtifactFacts,
  type CheckCall,
  type CheckRun,
  type ToolCall,
  type ToolExecutor,
  type ToolOutcome,
  type TaskPlace,
} from '../ports/tools.js';
import { keepArtifacts } from './artifacts/kept.js';
import { listArtifacts } from './artifacts/list.js';
import { changedPaths, runInEmpty, takeBaseline } from './baseline.js';
import { checkResults, forgetChecks } from './checks.js';
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
} from './definitions.js';
import { CallRefused } from './errors.js';
import { listDirectory, readLines, type FileResult } from './file-tools.js';
import { spaceText } from './free-space.js';
import { reportingFullDisks } from './full-disk.js';
import { leftOutcome, plainOutcome, runCommand, runWrite, wasFenced } from './launched-tools.js';
import { takeFence, type LaunchEnd } from './launcher.js';
import { countingRefusals, launchMeasured } from './measured.js';
import { stopLeftWriters } from './engine/writers.js';
import { withAccess } from './with-access.js';
import { stepName, type RunPlace } from './places.js';
import { secretsOf } from './provisions.js';
import { createSharedTakes } from './snapshots/shared-takes.js';
import { noteSnapshot, takeSnapshot } from './snapshots/take.js';
import { codeOf } from './system-errors.js';
import {
  argumentVector,
  checkPlace,
  createToolRuntime,
  placeOf,
  placeOfCall,
  requireSpace,
  sandboxProblem,
  shellIn,
  tokenOf,
  visiblePaths,
  type ToolExecutorOptions,
  type ToolRuntime,
} from './tool-runtime.js';
import { digestOfText } from './truncate.js';

/** What the snapshots of a workspace may take, MiB. */
const DEFAULT_SNAPSHOTS_MB = 10_240;

/**
 * Creates the executor of all tools of this process. Throws ToolSetupError for binds that cannot be mounted. Its only
 * state is files, and which snapshots it takes just now: any number of tasks may run concurrently (one step of a task
 * at a time), and another worker can continue at any moment.
 */
export function createToolExecutor(options: ToolExecutorOptions): ToolExecutor {
  const runtime = createToolRuntime(options);
  const describe = () => spaceText(options.workspaceRoot, options.workspaceRoot, options.clock.now());
  // An engine may be silent for minutes: what is stopped does not wait for it.
  const nothingWrites = ({ missionId }: TaskPlace, signal: AbortSignal) =>
    orAborted(stopLeftWriters(runtime.provisions.engine, missionId), signal);
  const snapshots = createSharedTakes();
  const executor: ToolExecutor = {
    definitions: () => TOOL_DEFINITIONS,
    async takeFence(task, claimOffset, signal) {
      await takeFence(await placeOf(runtime, task), claimOffset, signal);
      // The lock is that of processes here; containers that an earlier attempt has started are the engine's.
      await nothingWrites(task, signal);
    },
    recoverOutcome: async (task, step) => leftOutcome(runtime, await placeOf(runtime, task), stepName(task, step)),
    prepareWorkspace: async (task) => (await placeOfCall(runtime, task)).workspace,
    checkWorkspace: (task) => checkPlace(runtime, task),
    async takeSnapshot(task, wave, when, signal) {
      await nothingWrites(task, signal);
      const place = await placeOf(runtime, task);
      await requireSpace(runtime, place);
      const missionId = task.continuedBy ?? task.missionId;
      const options = {
        ...{ missionId, wave, when, redact: runtime.redact },
        workspaceOf: task.workspace === null ? task.missionId : '',
        mostBytes: (runtime.snapshotsMb ?? DEFAULT_SNAPSHOTS_MB) * 1024 * 1024,
      };
      const name = `${place.base}\n${missionId}\n${wave}`;
      return snapshots[when](name, () => takeSnapshot(place, options, signal), signal);
    },
    noteSnapshot: async (task, wave) =>
      noteSnapshot((await placeOf(runtime, task)).base, task.continuedBy ?? task.missionId, wave),
    listArtifacts: async (task, patterns, timeLimitMs, signal) => {
      await nothingWrites(task, signal);
      return listAndKeep(runtime, task, { patterns, timeLimitMs }, signal);
    },
    run: (call, signal) => run(runtime, call, signal),
    runChecks: async (call, signal) => {
      await nothingWrites(call.task, signal);
      return runChecks(runtime, call, signal);
    },
    takeBaseline: async (call, signal) => {
      await nothingWrites(call.task, signal);
      return takeBaseline(runtime, call, signal);
    },
    runInEmpty: (call, signal) => runInEmpty(runtime, call, signal),
    changedPaths: async (task, before, protection, signal) => {
      await nothingWrites(task, signal);
      return changedPaths(runtime, task, before, protection, signal);
    },
  };
  return countingRefusals(reportingFullDisks(executor, describe), runtime);
}

/** See ToolExecutor.listArtifacts. */
async function listAndKeep(
  runtime: ToolRuntime,
  task: TaskPlace,
  { patterns, timeLimitMs }: { readonly patterns: readonly string[]; readonly timeLimitMs: number },
  signal: AbortSignal,
): Promise<ArtifactFacts> {
  const place = await placeOf(runtime, task);
  const late = new AbortController();
  const timer = runtime.clock.setTimer(timeLimitMs, () => late.abort());
  const options = { patterns, redact: runtime.redact, late: late.signal, signal };
  const facts = await listArtifacts(place, options).finally(() => timer.cancel());
  const { missionId: workspaceOf, continuedBy: missionId = workspaceOf, taskId } = task;
  // Who sees the workspace can copy them anyway: the result has the list, and the worker says that it serves none.
  await keepArtifacts(runtime.workspaceRoot, { missionId, taskId, holdsState: place.holdsState }, facts).catch(
    (error: unknown) => {
      if (codeOf(error) === '') throw error;
      runtime.logger.warn({ mission_id: missionId, task_id: taskId, err: error }, 'artifacts.not_kept');
    },
  );
  return facts;
}

async function run(runtime: ToolRuntime, call: ToolCall, signal: AbortSignal): Promise<ToolOutcome> {
  const startedMs = runtime.clock.monotonicMs();
  const place = await placeOfCall(runtime, call.task);
  const outcome = await attempt(runtime, call, place, signal);
  const durationMs = Math.round(runtime.clock.monotonicMs() - startedMs);
  runtime.logger.info(
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

/** Runs a call; a refused call becomes an outcome. */
async function attempt(
  runtime: ToolRuntime,
  call: ToolCall,
  place: RunPlace,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  try {
    const wrong = TOOL_DEFINITIONS.find((tool) => tool.name === call.tool)?.validate(call.arguments) ?? null;
    if (wrong !== null) throw new CallRefused(wrong);
    const outcome = await dispatch(runtime, call, place, signal);
    if (outcome.outcome === 'aborted' && (await wasFenced(place, call.task, call.step)))
      throw new FenceLost(`A newer claim than ${call.claimOffset} took over the task while step ${call.step} ran.`);
    return outcome;
  } catch (error) {
    if (!(error instanceof CallRefused)) throw error;
    runtime.metrics.sandboxRefused(error.because);
    return plainOutcome('refused', error.message);
  }
}

function dispatch(runtime: ToolRuntime, call: ToolCall, place: RunPlace, signal: AbortSignal): Promise<ToolOutcome> {
  switch (call.tool) {
    case COMMAND:
      return runCommand(runtime, call, commandArguments.parse(call.arguments), place, signal);
    case WRITE:
      return runWrite(runtime, call, writeArguments.parse(call.arguments), place, signal);
    case READ:
      return inWorker(readLines(place, readArguments.parse(call.arguments), signal, runtime.redact), signal);
    case LIST:
      return inWorker(listDirectory(place, listArguments.parse(call.arguments)), signal);
    default:
      throw new CallRefused(`there is no tool ${call.tool}`);
  }
}

async function runChecks(runtime: ToolRuntime, call: CheckCall, signal: AbortSignal): Promise<CheckRun> {
  const place = await placeOfCall(runtime, call.task);
  const stem = stepName(call.task, call.step);
  const { outputs } = visiblePaths(runtime, place);
  const report = (failure: string | null) =>
    checkResults({ place, stem, call, outputsAt: outputs, failure, redact: runtime.redact });
  const problem = sandboxProblem(runtime.sandbox);
  if (problem !== null) {
    runtime.metrics.sandboxRefused('sandbox');
    return report(problem);
  }
  await requireSpace(runtime, place);
  await forgetChecks(place, stem, call.checks.length);
  try {
    const end = await withAccess(runtime, place, { ...call, mayWrite: false }, (at) =>
      launchChecks(runtime, at, stem, call, signal),
    );
    signal.throwIfAborted();
    return await report(end.kind === 'failed' ? end.reason : null);
  } catch (error) {
    if (!(error instanceof CallRefused)) throw error;
    runtime.metrics.sandboxRefused(error.because);
    return report(error.message);
  }
}

function launchChecks(
  runtime: ToolRuntime,
  place: RunPlace,
  stem: string,
  call: CheckCall,
  signal: AbortSignal,
): Promise<LaunchEnd> {
  const { workspace } = visiblePaths(runtime, place);
  const program = shellIn(runtime, workspace, call.limits);
  return launchMeasured(
    runtime,
    'checks',
    {
      place,
      stem,
      claimOffset: call.claimOffset,
      timeLimitMs: call.timeLimitMs,
      ...(call.limits === undefined ? {} : { limits: call.limits }),
      cgroups: runtime.cgroups.usable,
      callRecord: null,
      isolated: runtime.sandbox !== 'off',
      seccomp: place.seccomp,
      token: tokenOf(place, stem),
      commands: call.checks.map((check) => check.command),
      argumentVector: argumentVector(runtime, place, stem, program, false, call.limits),
      input: null,
      secrets: secretsOf(place.permissions, runtime.provisions),
    },
    signal,
  );
}

/** Reading and listing run in the worker: a missing file is an outcome, and so is an abort. */
async function inWorker(result: Promise<FileResult>, signal: AbortSignal): Promise<ToolOutcome> {
  try {
    const { observation, output } = await result;
    return { outcome: 'ok', exitCode: null, observation, outputDigest: digestOfText(output), durationMs: 0 };
  } catch (error) {
    if (signal.aborted) return plainOutcome('aborted', 'stopped before it ended');
    if (codeOf(error).startsWith('E')) return plainOutcome('error', systemErrorWords(codeOf(error)) ?? codeOf(error));
    throw error;
  }
}
