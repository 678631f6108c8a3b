import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { LIMIT_KEYS, LIMIT_NAMES, type LimitName, type Limits } from '../domain/limits.js';
import type { ToolOutcome } from '../ports/tools.js';
import { endsOf, fit, jsonBytes, OBSERVATION_BYTES, readOutputs, wanted, type Outputs } from './truncate.js';
import { COMMAND, WRITE } from './definitions.js';
import { limitNote } from './limit-notes.js';
import { INSIDE } from './sandbox.js';
import type { RunPlace } from './places.js';
import { absent } from './system-errors.js';

/** The call of a step. The launcher keeps it next to the outcome, so that another worker can describe both. */
const common = {
  timeLimitMs: z.number(),
  outputsAt: z.string(),
  /** Absent in calls of older builds. */
  limits: z.record(z.enum(LIMIT_KEYS), z.number()).optional(),
};
const callRecord = z.discriminatedUnion('tool', [
  z.object({ tool: z.literal(COMMAND), command: z.string(), ...common }),
  z.object({ tool: z.literal(WRITE), path: z.string(), mode: z.string(), bytes: z.number(), ...common }),
]);
export type CallRecord = z.output<typeof callRecord>;

/**
 * exited: the tool ended by itself. timeout, limit, aborted, fenced: the launcher killed it. broken: the sandbox could
 * not be created, nothing ran. lost: another process killed the sandbox.
 */
const REASONS = ['exited', 'timeout', 'limit', 'aborted', 'fenced', 'broken', 'lost'] as const;

const launcherOutcome = z.object({
  reason: z.enum(REASONS),
  exit: z.coerce.number().int(),
  duration_ms: z.coerce.number().int(),
  limit: z.enum(LIMIT_NAMES).nullable().default(null),
});

/** The outcome file of the launcher. */
export interface LauncherOutcome {
  readonly reason: (typeof REASONS)[number];
  readonly exitCode: number;
  readonly durationMs: number;
  /** The one that was reached first, whether it ended the tool or not; null: none is known. */
  readonly limit: LimitName | null;
  /** How full the workspace is, where that was the limit. */
  readonly space?: string;
}

/** The launcher's outcome of a step or a check, by its base name; null if there is none. */
export async function readLauncherOutcome(place: Pick<RunPlace, 'run'>, name: string): Promise<LauncherOutcome | null> {
  const text = await readFile(join(place.run, `${name}.outcome`), 'utf8').catch(absent);
  if (text === null) return null;
  const fields = Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => line.split('=', 2)),
  );
  const { reason, exit, duration_ms, limit } = launcherOutcome.parse(fields);
  return { reason, exitCode: exit, durationMs: duration_ms, limit };
}

/** The call that the launcher kept beside a step's start mark. */
export async function readCall(place: RunPlace, step: string): Promise<CallRecord | null> {
  const text = await readFile(join(place.run, `${step}.call.json`), 'utf8').catch(absent);
  return text === null ? null : callRecord.parse(JSON.parse(text));
}

/** Paths of the full outputs, stdout first. The digest covers both, in this order. */
export function outputPaths(place: RunPlace, name: string): readonly [string, string] {
  return [join(place.outputs, `${name}.stdout`), join(place.outputs, `${name}.stderr`)];
}

/** The outcome of a step as the model and the journal see it. */
export async function describeOutcome(
  place: RunPlace,
  step: string,
  call: CallRecord,
  left: LauncherOutcome,
  redact: (text: string) => string,
): Promise<ToolOutcome> {
  const { outcome, exitCode } = statusOf(call, left);
  const { ends, digest } = await readOutputs(outputPaths(place, step), redact);
  const observation =
    call.tool === COMMAND
      ? describeCommand(ends, step, call, left, exitCode)
      : describeWrite(ends, call, left, exitCode);
  const limit = left.limit === null ? {} : { limit: left.limit };
  return { outcome, exitCode, observation, outputDigest: digest, durationMs: left.durationMs, ...limit };
}

/** Exit code of a workspace_write whose target is outside the workspace, or is a link or a special file. */
export const LEFT_WORKSPACE = 77;

function statusOf(call: CallRecord, left: LauncherOutcome): Pick<ToolOutcome, 'outcome' | 'exitCode'> {
  switch (left.reason) {
    case 'exited':
      if (call.tool === WRITE && left.exitCode === LEFT_WORKSPACE) return { outcome: 'refused', exitCode: null };
      return { outcome: left.exitCode === 0 ? 'ok' : 'error', exitCode: left.exitCode };
    case 'timeout':
      return { outcome: 'error', exitCode: TIMED_OUT };
    case 'limit':
      return { outcome: 'error', exitCode: left.exitCode === 0 ? KILLED : left.exitCode };
    case 'aborted':
    case 'fenced':
      return { outcome: 'aborted', exitCode: null };
    case 'broken':
      return { outcome: 'refused', exitCode: null };
    case 'lost':
      return { outcome: 'unknown', exitCode: null };
  }
}

/** The exit code of timeout(1). */
export const TIMED_OUT = 124;

/** What a shell says of a command that SIGKILL ended. */
const KILLED = 137;

/** A note for the model; null if the exit code is enough. */
export function noteOn(left: LauncherOutcome, timeLimitMs: number, limits?: Limits): string | null {
  const space = left.space === undefined ? '' : `; ${left.space}`;
  switch (left.reason) {
    case 'exited':
      return left.limit === null ? null : `${limitNote(left.limit, limits)}${space}`;
    case 'limit': {
      const note = left.limit === null ? 'a limit was reached' : `${limitNote(left.limit, limits)}${space}`;
      return `${note}; all of its processes were killed`;
    }
    case 'timeout':
      return `the time limit of ${timeLimitMs / 1000} s was reached; all of its processes were killed`;
    case 'aborted':
      return 'stopped before it ended; all of its processes were killed';
    case 'fenced':
      return 'stopped because another worker took over the task; all of its processes were killed';
    case 'broken':
      return 'the sandbox could not be created; nothing ran';
    case 'lost':
      return 'killed by another process; it may have done part of its work';
  }
}

type Ends = Outputs['ends'];

function describeCommand(
  ends: Ends,
  step: string,
  call: CallRecord & { tool: typeof COMMAND },
  left: LauncherOutcome,
  exitCode: number | null,
): string {
  const facts = {
    command: fit(endsOf(call.command), 2048, 'the call itself has the whole command'),
    exit_code: exitCode,
    success: exitCode === 0,
    ...noteFields(left, call),
  };
  const budget = OBSERVATION_BYTES - Buffer.byteLength(JSON.stringify({ ...facts, stdout: '', stderr: '' }));
  const { stdout, stderr } = outputsWithin(ends, budget, step, call.outputsAt);
  return JSON.stringify({
    command: facts.command,
    exit_code: exitCode,
    stdout,
    stderr,
    success: facts.success,
    ...noteFields(left, call),
  });
}

function describeWrite(
  ends: Ends,
  call: CallRecord & { tool: typeof WRITE },
  left: LauncherOutcome,
  exitCode: number | null,
): string {
  const error = exitCode === 0 ? '' : fit(ends[1], 2048, 'the beginning and the end are shown');
  return JSON.stringify({
    path: call.path,
    mode: call.mode,
    bytes: call.bytes,
    success: exitCode === 0,
    ...(error === '' ? {} : { error }),
    ...noteFields(left, call),
  });
}

function noteFields(left: LauncherOutcome, call: CallRecord): { limit?: LimitName; note?: string } {
  const note = noteOn(left, call.timeLimitMs, call.limits);
  return { ...(left.limit === null ? {} : { limit: left.limit }), ...(note === null ? {} : { note }) };
}

/** Both outputs in at most budget bytes of JSON. One may use what the other does not need. */
export function outputsWithin(
  [out, err]: Ends,
  budget: number,
  name: string,
  outputsAt: string = INSIDE.outputs,
): { stdout: string; stderr: string } {
  const half = Math.floor(budget / 2);
  const forErr = Math.min(wanted(err), Math.max(half, budget - wanted(out)));
  const stderr = fit(err, forErr, `the whole is in ${outputsAt}/${name}.stderr`);
  const stdout = fit(out, budget - jsonBytes(stderr), `the whole is in ${outputsAt}/${name}.stdout`);
  return { stdout, stderr };
}
