/**
 * A task's baseline: each check in the workspace (read-only) and in an empty directory, and the listing of what the
 * task must not change. It is kept beside the task's fence, outside of what the sandbox can write, and the first one
 * that is kept counts: a worker journals no step before, so that it shows the workspace before the work to every later
 * attempt.
 */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BASELINE_TIMED_OUT, encodeBaseline, NOT_RUN, NOTHING_KNOWN, type Baseline } from '../domain/baseline.js';
import type { Check } from '../domain/events.js';
import { DEFAULT_LIMITS } from '../domain/limits.js';
import { namesVariable } from '../domain/mission-inputs.js';
import { byteLength, SIZES } from '../domain/sizes.js';
import { FenceLost, type BaselineCall, type EmptyCall, type ProtectionRules, type TaskPlace } from '../ports/tools.js';
import { exitCodeOf, forgetChecks } from './checks.js';
import { takeFence } from './launcher.js';
import { launchMeasured } from './measured.js';
import { outputPaths, readLauncherOutcome } from './outcome.js';
import { withAccess } from './with-access.js';
import type { RunPlace } from './places.js';
import { secretsOf } from './provisions.js';
import { absent, existing } from './system-errors.js';
import { differencesFrom, listProtected, tooLarge } from './protected-paths.js';
import {
  argumentVector,
  placeOf,
  placeOfCall,
  requireSpace,
  sandboxProblem,
  shellIn,
  tokenOf,
  visiblePaths,
  type ToolRuntime,
} from './tool-runtime.js';

const keptBaseline = z.object({
  checks: z.array(
    z.object({
      command: z.string(),
      /** See inputsDigest; absent in files of older builds. */
      inputs: z.string().nullable().optional(),
      workspace: z.int(),
      empty: z.int(),
    }),
  ),
  protected: z.array(
    z.object({
      path: z.string(),
      digest: z.string().nullable(),
      entries: z.array(
        z.object({
          path: z.string(),
          type: z.enum(['file', 'directory', 'link', 'other']),
          mode: z.int(),
          digest: z.string().nullable(),
        }),
      ),
    }),
  ),
});
type KeptBaseline = z.output<typeof keptBaseline>;

/** See ToolExecutor.takeBaseline. */
export async function takeBaseline(runtime: ToolRuntime, call: BaselineCall, signal: AbortSignal): Promise<Baseline> {
  const place = await placeOfCall(runtime, call.task);
  const kept =
    (await readKept(place, call.task)) ?? (await keep(place, call.task, await observe(runtime, place, call, signal)));
  const baseline = asCalled(kept, call);
  const bytes = byteLength(encodeBaseline(baseline));
  if (bytes > SIZES.baseline)
    throw tooLarge(
      call.task.taskId,
      `${baseline.protected.length} paths with their digests have ${bytes} bytes, and a record takes ${SIZES.baseline}`,
    );
  return baseline;
}

function asCalled(kept: KeptBaseline, call: BaselineCall): Baseline {
  return {
    checks: call.checks.map((check) => {
      const { workspace, empty } = kept.checks.find(({ command }) => command === check.command) ?? NOTHING_KNOWN;
      return { workspace, empty };
    }),
    protected: kept.protected.map(({ path, digest }) => ({ path, digest })),
  };
}

/** See ToolExecutor.runInEmpty. */
export async function runInEmpty(
  runtime: ToolRuntime,
  call: EmptyCall,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const place = await placeOfCall(runtime, call.task);
  await requireSpace(runtime, place);
  // Its own lock and fence say nothing of the task's: a newer holder must not find this one beside it.
  await takeFence(place, call.claimOffset, signal);
  return codesInEmpty(runtime, place, call, signal);
}

/** See ToolExecutor.changedPaths. */
export async function changedPaths(
  runtime: ToolRuntime,
  task: TaskPlace,
  before: Baseline['protected'],
  protection: ProtectionRules,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const place = await placeOf(runtime, task);
  const kept = await readKept(place, task);
  return differencesFrom(place, before, kept?.protected ?? [], protection, signal);
}

async function observe(
  runtime: ToolRuntime,
  place: RunPlace,
  call: BaselineCall,
  signal: AbortSignal,
): Promise<KeptBaseline> {
  const listing = listProtected(place, call.task.taskId, call.protection, signal);
  const known = await knownChecks(place, call.task);
  const fresh = call.checks.filter(({ command }) => known.every((check) => check.command !== command));
  const checks = runTwice(runtime, place, { ...call, checks: fresh }, signal);
  // Both end before this does, so that nothing of it is left.
  await Promise.allSettled([listing, checks]);
  const protectedNow = await listing;
  return {
    checks: [...known, ...(await checks)],
    protected: protectedNow.map(({ path, digest, entries }) => ({ path, digest, entries: [...entries] })),
  };
}

async function runTwice(
  runtime: ToolRuntime,
  place: RunPlace,
  call: BaselineCall,
  signal: AbortSignal,
): Promise<KeptBaseline['checks']> {
  const { checks } = call;
  if (checks.length === 0) return [];
  await requireSpace(runtime, place);
  const isUsable = sandboxProblem(runtime.sandbox) === null;
  const runs = isUsable ? [codesBefore(runtime, place, call, signal), codesInEmpty(runtime, place, call, signal)] : [];
  // Both have ended before this fails.
  await Promise.allSettled(runs);
  const [workspace = [], empty = []] = await Promise.all(runs);
  return checks.map(({ command }, index) => ({
    command,
    inputs: inputsDigest(command, call.task),
    workspace: workspace[index] ?? NOT_RUN,
    empty: empty[index] ?? NOT_RUN,
  }));
}

/** The exit code of each check in an empty directory, which is removed again. */
async function codesInEmpty(
  runtime: ToolRuntime,
  place: RunPlace,
  call: EmptyCall,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const empty = await emptyPlace(place, call.claimOffset);
  try {
    return await exitCodes(runtime, empty, 'empty', call, signal);
  } finally {
    await rm(empty.run, { recursive: true, force: true });
  }
}

/**
 * A place beside the task's, with an empty directory for a workspace and its own lock: it touches nothing of the task,
 * so it runs at the same time. Each claim has its own, so that two workers do not remove each other's.
 */
async function emptyPlace(place: RunPlace, claimOffset: number): Promise<RunPlace> {
  const run = join(place.run, `empty-${claimOffset}`);
  const workspace = join(run, 'workspace');
  const outputs = join(run, 'outputs');
  await rm(run, { recursive: true, force: true });
  for (const directory of [workspace, outputs]) await mkdir(directory, { recursive: true, mode: 0o755 });
  return { ...place, run, outputs, workspace, holdsState: false };
}

/** The exit code of each check. Rejects with FenceLost, and with the signal's reason. */
async function exitCodes(
  runtime: ToolRuntime,
  place: RunPlace,
  which: string,
  { task, checks, claimOffset, timeLimitMs, limits = DEFAULT_LIMITS, network }: EmptyCall,
  signal: AbortSignal,
): Promise<readonly number[]> {
  // Each claim has its own files: of two workers at once neither removes what the other one has yet to read.
  const stem = `a${task.attempt}-${which}-${claimOffset}`;
  await forgetChecks(place, stem, checks.length);
  const program = shellIn(runtime, visiblePaths(runtime, place).workspace, limits);
  await withAccess(runtime, place, { task, limits, network, mayWrite: false }, (at) =>
    launchMeasured(
      runtime,
      'baseline',
      {
        place: at,
        stem,
        claimOffset,
        timeLimitMs,
        limits,
        cgroups: runtime.cgroups.usable,
        callRecord: null,
        each: true,
        isolated: runtime.sandbox !== 'off',
        seccomp: at.seccomp,
        token: tokenOf(at, stem),
        commands: checks.map((check: Check) => check.command),
        argumentVector: argumentVector(runtime, at, stem, program, false, limits),
        input: null,
        secrets: secretsOf(at.permissions, runtime.provisions),
      },
      signal,
    ),
  );
  signal.throwIfAborted();
  const codes = await Promise.all(checks.map((_, index) => takeExitCode(place, `${stem}-c${index + 1}`, claimOffset)));
  // One that has no outcome did not run, unless a newer claim has removed it.
  if (codes.includes(null)) await takeFence(place, claimOffset, signal);
  return codes.map((code) => code ?? NOT_RUN);
}

/**
 * The exit code of each check in the workspace. What workers of earlier claims have left, which ended amid their
 * checks, is removed: this claim has run, so that nothing of theirs runs any more.
 */
async function codesBefore(
  runtime: ToolRuntime,
  place: RunPlace,
  call: EmptyCall,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const codes = await exitCodes(runtime, place, 'before', call, signal);
  for (const directory of [place.outputs, place.run]) {
    const left = (await readdir(directory)).filter(
      (name) => Number(LEFT.exec(name)?.[1] ?? Infinity) < call.claimOffset,
    );
    await Promise.all(left.map((name) => rm(join(directory, name), { force: true })));
  }
  return codes;
}

/** Such as a1-before-17-c2.stdout, of claim 17. */
const LEFT = /^a\d+-before-(\d+)-/;

/** null: there is no outcome. Its output is of no use to the task, which would see it in /outputs. */
async function takeExitCode(place: RunPlace, name: string, claimOffset: number): Promise<number | null> {
  const left = await readLauncherOutcome(place, name);
  await Promise.all(
    [...outputPaths(place, name), join(place.run, `${name}.outcome`)].map((path) => rm(path, { force: true })),
  );
  if (left?.reason === 'fenced') throw new FenceLost(`A newer claim than ${claimOffset} took over the task.`);
  if (left === null) return null;
  const code = exitCodeOf(left);
  return code === BASELINE_TIMED_OUT && left.reason !== 'timeout' ? 1 : code;
}

/** A mission that continues another one has its own: a person may have changed what is protected. */
const nameOf = ({ continuedBy }: TaskPlace): string =>
  continuedBy === undefined ? 'baseline.json' : `baseline-${continuedBy}.json`;
const pathOf = (place: RunPlace, task: TaskPlace): string => join(place.run, nameOf(task));

/** Of the values of the inputs that a command names: with others it may find something else. null: it names none. */
function inputsDigest(command: string, { inputs = {} }: TaskPlace): string | null {
  const named = Object.keys(inputs).filter((variable) => namesVariable(command, variable));
  if (named.length === 0) return null;
  const values = named.toSorted().map((variable) => [variable, inputs[variable]]);
  return createHash('sha256').update(JSON.stringify(values)).digest('hex');
}

/** Whether a check has found what it would have found with the inputs of this task. */
const hasSameInputs = ({ command, inputs }: KeptBaseline['checks'][number], task: TaskPlace): boolean =>
  inputs === undefined ? !/INPUT_/i.test(command) : inputs === inputsDigest(command, task);

/**
 * What earlier missions of the workspace have found, with the same inputs: their work must not count as what was there
 * before.
 */
async function knownChecks(place: RunPlace, task: TaskPlace): Promise<KeptBaseline['checks']> {
  if (task.continuedBy === undefined) return [];
  const names = (await readdir(place.run)).filter((name) => /^baseline(?:-.+)?\.json$/.test(name));
  // baseline.json is the first mission's; ids sort by their time.
  const oldestFirst = names.toSorted(
    (a, b) => Number(b === 'baseline.json') - Number(a === 'baseline.json') || (a < b ? -1 : 1),
  );
  const known = new Map<string, KeptBaseline['checks'][number]>();
  for (const name of oldestFirst)
    for (const check of (await readBaseline(join(place.run, name)))?.checks ?? [])
      if (!known.has(check.command) && hasSameInputs(check, task)) known.set(check.command, check);
  return [...known.values()];
}

const readKept = (place: RunPlace, task: TaskPlace): Promise<KeptBaseline | null> => readBaseline(pathOf(place, task));

async function readBaseline(path: string): Promise<KeptBaseline | null> {
  const text = await readFile(path, 'utf8').catch(absent);
  return text === null ? null : keptBaseline.parse(JSON.parse(text));
}

/** Resolves with the one that counts: link() fails where another worker was first. */
async function keep(place: RunPlace, task: TaskPlace, baseline: KeptBaseline): Promise<KeptBaseline> {
  const draft = join(place.run, `baseline-${randomUUID()}`);
  try {
    await writeFile(draft, JSON.stringify(baseline), { mode: 0o600, flag: 'wx' });
    await link(draft, pathOf(place, task)).catch(existing);
  } finally {
    await rm(draft, { force: true });
  }
  return (await readKept(place, task)) ?? baseline;
}
