import { dirname } from 'node:path';
import type { Limits } from '../domain/limits.js';
import type { TaskPlace, ToolCall, ToolOutcome } from '../ports/tools.js';
import { COMMAND, WRITE, type CommandArguments, type WriteArguments } from './definitions.js';
import { CallRefused } from './errors.js';
import { requireNotFull, usedText } from './free-space.js';
import { isReserved, parsePath } from './jail.js';
import type { LaunchEnd } from './launcher.js';
import { launchMeasured } from './measured.js';
import { isOfWorkspace } from './limit-notes.js';
import { describeOutcome, readCall, readLauncherOutcome, type CallRecord } from './outcome.js';
import { stepName, type RunPlace } from './places.js';
import { secretsOf } from './provisions.js';
import { writeProgram, type Program } from './programs.js';
import { argumentVector, requireSpace, shellIn, tokenOf, visiblePaths, type ToolRuntime } from './tool-runtime.js';
import { withAccess } from './with-access.js';

/** execute_terminal_command. Throws or rejects with CallRefused for a call that is not run. */
export function runCommand(
  runtime: ToolRuntime,
  call: ToolCall,
  args: CommandArguments,
  place: RunPlace,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const { area, parts } = parsePath(args.working_dir);
  if (area !== 'workspace') throw new CallRefused(`working_dir ${args.working_dir} is outside the workspace`);
  const { workspace, outputs } = visiblePaths(runtime, place);
  const record = {
    tool: COMMAND,
    command: args.command,
    timeLimitMs: Math.min(args.timeout * 1000, call.timeLimitMs),
    outputsAt: outputs,
    ...limited(call),
  } as const;
  const program = shellIn(runtime, [workspace, ...parts].join('/'), call.limits);
  const run = { record, program, lastArgument: args.command, input: null };
  return withAccess(runtime, place, { ...call, mayWrite: true }, (at) =>
    runOnce(runtime, call, { ...run, place: at }, signal),
  );
}

const limited = ({ limits }: ToolCall): { limits?: Limits } => (limits === undefined ? {} : { limits });

/** workspace_write. Throws or rejects with CallRefused for a call that is not run. */
export function runWrite(
  runtime: ToolRuntime,
  call: ToolCall,
  args: WriteArguments,
  place: RunPlace,
  signal: AbortSignal,
): Promise<ToolOutcome> {
  const { area, parts } = parsePath(args.path);
  const name = parts.at(-1);
  if (area !== 'workspace') throw new CallRefused(`${args.path} is outside the workspace`);
  if (name === undefined) throw new CallRefused(`${args.path} is a directory`);
  if (isReserved(parts))
    throw new CallRefused(`${args.path} is reserved: it would change what other programs run or trust`);
  const { workspace, outputs } = visiblePaths(runtime, place);
  const record = {
    tool: WRITE,
    path: args.path,
    mode: args.mode,
    bytes: Buffer.byteLength(args.content),
    timeLimitMs: call.timeLimitMs,
    outputsAt: outputs,
    ...limited(call),
  } as const;
  const program = writeProgram(workspace, parts, args.mode);
  return runOnce(runtime, call, { place, record, program, lastArgument: name, input: args.content }, signal);
}

/**
 * The outcome that a launcher left for a step; null if there is none.
 * @param call the call, if this launcher has started it; else the one that is kept is read
 */
export async function leftOutcome(
  { redact, workspaceRoot, clock }: Pick<ToolRuntime, 'redact' | 'workspaceRoot' | 'clock'>,
  place: RunPlace,
  stem: string,
  call: CallRecord | null = null,
): Promise<ToolOutcome | null> {
  const left = await readLauncherOutcome(place, stem);
  const record = left === null ? null : (call ?? (await readCall(place, stem)));
  if (left === null || record === null) return null;
  const space = isOfWorkspace(left.limit) ? await usedText(workspaceRoot, dirname(place.run), clock.now()) : undefined;
  return describeOutcome(place, stem, record, { ...left, ...(space === undefined ? {} : { space }) }, redact);
}

/** Whether the launcher of a step ended it because of a newer claim. */
export async function wasFenced(place: RunPlace, task: TaskPlace, step: number): Promise<boolean> {
  return (await readLauncherOutcome(place, stepName(task, step)))?.reason === 'fenced';
}

interface Run {
  readonly place: RunPlace;
  readonly record: CallRecord;
  readonly program: Program;
  readonly lastArgument: string;
  readonly input: string | null;
}

async function runOnce(runtime: ToolRuntime, call: ToolCall, run: Run, signal: AbortSignal): Promise<ToolOutcome> {
  const { place, record, program, lastArgument, input } = run;
  const stem = stepName(call.task, call.step);
  const vector = argumentVector(runtime, place, stem, program, true, call.limits);
  await requireSpace(runtime, place);
  const end = await launchMeasured(
    runtime,
    record.tool === COMMAND ? 'command' : 'write',
    {
      place,
      stem,
      claimOffset: call.claimOffset,
      timeLimitMs: record.timeLimitMs,
      ...limited(call),
      cgroups: runtime.cgroups.usable,
      measured: true,
      callRecord: JSON.stringify(record),
      isolated: runtime.sandbox !== 'off',
      seccomp: place.seccomp,
      token: tokenOf(place, stem),
      commands: [lastArgument],
      argumentVector: vector,
      input,
      secrets: secretsOf(place.permissions, runtime.provisions),
    },
    signal,
  );
  // What a launcher cannot write on a full disk, it cannot say either.
  if (end.kind === 'failed') await requireNotFull(runtime.workspaceRoot, place.base, runtime.clock.now());
  if (end.kind !== 'done' && end.kind !== 'started_before') return notStarted(end);
  const left = await leftOutcome(runtime, place, stem, end.kind === 'done' ? record : null);
  if (left?.outcome === 'refused' && end.kind === 'done') await countRefusal(runtime, place, stem);
  return left ?? plainOutcome('unknown', `step ${call.step} was started before and left no outcome; it may have run`);
}

/** The launcher made no sandbox, or the program found that a path leaves the workspace. */
async function countRefusal({ metrics }: ToolRuntime, place: RunPlace, stem: string): Promise<void> {
  const isBroken = (await readLauncherOutcome(place, stem))?.reason === 'broken';
  metrics.sandboxRefused(isBroken ? 'sandbox' : 'call');
}

function notStarted(end: LaunchEnd): ToolOutcome {
  return end.kind === 'failed'
    ? plainOutcome('refused', `it was not run: ${end.reason}`)
    : plainOutcome('aborted', 'stopped before it started');
}

/** An outcome without an exit code or output; the message is the observation. */
export function plainOutcome(outcome: ToolOutcome['outcome'], message: string): ToolOutcome {
  return { outcome, exitCode: null, observation: message, outputDigest: null, durationMs: 0 };
}
