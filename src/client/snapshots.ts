/** Snapshots of a mission's workspace, where this computer sees the volume: what has changed, and the way back. */
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { asError } from '../domain/as-error.js';
import { workspaceOf } from '../domain/continuation.js';
import type { Mission } from '../domain/mission-state.js';
import { isOpen } from '../domain/mission-state.js';
import { SNAPSHOTS } from '../domain/requirements.js';
import { isFileSystemError, unreadableReason } from '../agent/text-file.js';
import type { ListingDifference } from '../tools/listing.js';
import type { Redact } from '../domain/redaction.js';
import { hasOpenAttempt } from '../domain/mission-task-state.js';
import { CallRefused } from '../tools/errors.js';
import { holdTasks, LocksUnavailable } from '../tools/hold-tasks.js';
import { readMarker, runsOf } from '../tools/places.js';
import { missionsWithRuns } from '../tools/workspaces.js';
import { differencesOf, distinctLeftOut, type LeftOut, type Manifest } from '../tools/snapshots/manifest.js';
import { lookNow, nowIn, type WorkspacePlace } from '../tools/snapshots/now.js';
import { damagedIn, planRestore, restore, type NotRestored, type RestorePlan } from '../tools/snapshots/restore.js';
import { missionsWithSnapshots, snapshotFiles, type SnapshotFiles } from '../tools/snapshots/snapshot-files.js';
import { ClientError } from './client-error.js';
import { changeOf, patchOf, type Contents, type FileChange } from './snapshot-diff.js';

export interface WorkspaceDiff {
  /** Waves between whose ends the changes lie; 0: before the mission. */
  readonly from: number;
  /** null: what is there now; others may have changed it, too. No snapshot has all that the mission has done. */
  readonly to: number | null;
  /** In order of the paths. */
  readonly changes: readonly FileChange[];
  /** What one of the snapshots does not have, although no .gitignore names it: whether it changed is not known. */
  readonly left_out: readonly LeftOut[];
  /** Files that changed while the later snapshot was taken. */
  readonly unsettled: readonly string[];
}

/** What is known of a mission whose snapshots are wanted; of its tasks and what is missing the log knows. */
export interface SnapshotOwner
  extends Pick<Mission, 'id' | 'snapshots'>,
    Partial<Pick<Mission, 'tasks' | 'missedSnapshots'>> {
  readonly request: Pick<
    Mission['request'],
    'mission_id' | 'workspace_of' | 'workspace' | 'workspace_marker' | 'requires'
  >;
}

/**
 * A mission by what lies in a directory from --workspace, without a log.
 * @param wanted its id, a beginning of it that no other one has, or last
 * Rejects with ClientError: snapshot_elsewhere, snapshot_unknown.
 */
export async function missionInDirectory(directory: string, wanted: string): Promise<SnapshotOwner> {
  const marker = await markerOf(directory);
  if (marker === null) throw elsewhere(directory, 'it is not there, or no mission has worked in it');
  const base = await within(directory, realpath(directory));
  const ids = await within(directory, missionsWithSnapshots(base));
  const fitting = wanted === 'last' ? ids.slice(-1) : ids.filter((id) => id === wanted || id.startsWith(wanted));
  const id = fitting.find((each) => each === wanted) ?? (fitting.length === 1 ? fitting[0] : undefined);
  if (id === undefined)
    throw new ClientError(
      'snapshot_unknown',
      `${fitting.length === 0 ? 'no mission' : 'more than one mission'} ${wanted} has snapshots in ${directory}`,
      ids.length === 0 ? 'It has none.' : `It has those of: ${(fitting.length === 0 ? ids : fitting).join(', ')}.`,
    );
  const own = { mission_id: id, workspace_of: null, workspace: base };
  const request = { ...own, workspace_marker: marker, requires: [SNAPSHOTS] };
  return { id, snapshots: new Map(), request };
}

export interface DiffOptions {
  /** What this wave has changed; null: what the mission has. */
  readonly wave: number | null;
  /** What the contents of files pass in a patch. */
  readonly redact: Redact;
  readonly signal: AbortSignal;
}

export async function diffMission(
  mission: SnapshotOwner,
  workspaceRoot: string,
  { wave, redact, signal }: DiffOptions,
): Promise<WorkspaceDiff & { patch(signal: AbortSignal): AsyncIterable<string> }> {
  const { files, given, workspace } = await openSnapshots(mission, workspaceRoot);
  const waves = await within(given, files.waves());
  const [first, last] = [waves[0], waves.at(-1)];
  if (first === undefined || last === undefined) throw noSnapshots(mission);
  const read = (each: number) => within(given, readOne(mission, files, waves, each));
  const to = wave ?? (isWhole(mission, first, last) ? last : null);
  const from = wave === null ? first : wave - 1;
  const before = await read(from);
  const place = { workspace, holdsState: mission.request.workspace !== null };
  const after = to === null ? await within(given, lookNow(place, before, signal)) : await read(to);
  const differences = differencesOf(before, after).filter(isShown(before));
  const contents: Contents = {
    redact,
    before: (_path, { digest }) => files.objects.readWhole(digest ?? ''),
    after: to === null ? nowIn(place) : (_path, { digest }) => files.objects.readWhole(digest ?? ''),
  };
  return {
    from,
    to,
    changes: differences.map(changeOf),
    left_out: distinctLeftOut([...after.leftOut, ...before.leftOut]),
    unsettled: after.unsettled,
    patch: (stop) => patchOf(differences, before, contents, stop),
  };
}

/** Whether the last snapshot has all that the mission has done. Without the log, one snapshot is never its end. */
function isWhole({ tasks, missedSnapshots }: SnapshotOwner, first: number, last: number): boolean {
  if (tasks === undefined) return last > first;
  // Of a retry, the attempts of the mission before count on, also for a task that has not started in this one.
  const begun = [...tasks.values()].filter(({ kind, assignedAt }) => kind === 'task' && assignedAt !== null);
  const lastBegun = Math.max(0, ...begun.map((task) => task.wave));
  // What was cancelled, or may still run, may have changed files after the last snapshot of its wave.
  const mayHaveChanged = begun.some(
    (task) => task.wave === last && (task.status === 'cancelled' || hasOpenAttempt(task) || task.mayRun),
  );
  return last >= lastBegun && !mayHaveChanged && missedSnapshots?.has(last) !== true;
}

/** As in git, a directory is its files. */
function isShown({ entries }: Manifest): (difference: ListingDifference) => boolean {
  const directories = new Set(entries.filter(({ type }) => type === 'directory').map(({ path }) => path));
  return ({ path, what, now }) => {
    if (now !== null && now.type !== 'directory') return true;
    return what !== 'created' && !directories.has(path);
  };
}

export interface RestoreResult {
  readonly wave: number;
  /** What is, or would be, written and removed; in order of the paths. */
  readonly changes: readonly FileChange[];
  /** What the snapshot does not have: it stays as it is. */
  readonly left_out: readonly LeftOut[];
  /** What could not be restored, and why; before it was tried, what cannot be. */
  readonly failed: readonly NotRestored[];
  /** A mission that began in the same directory while files were restored: it may have seen old and new ones. */
  readonly opened_meanwhile: string | null;
  /** Why it is not known whether one began; null: it is known, nothing was restored yet, or no log is read. */
  readonly opened_unknown: string | null;
}

export interface PlannedRestore extends RestoreResult {
  /**
   * Rejects with ClientError, mission_open too, and then has changed nothing. Once stopped, resolves with what it has
   * not restored.
   */
  carryOut(signal: AbortSignal): Promise<RestoreResult>;
}

/** Missions that the log has now; null: no log is read. */
type Missions = (() => Promise<Iterable<Mission>>) | null;

/**
 * @param missions that the log has: none that is open may work in the same directory, now or when it is carried out
 * Rejects with ClientError: mission_open, snapshot_unknown, snapshot_elsewhere, snapshot_changed.
 */
export async function planMissionRestore(
  mission: Mission,
  missions: () => Promise<Iterable<Mission>>,
  workspaceRoot: string,
  wave: number,
  signal: AbortSignal,
): Promise<PlannedRestore> {
  refuseOpen(mission, [mission, ...(await missions())]);
  return planRestoreOf(mission, workspaceRoot, wave, signal, missions);
}

/** The same where it is not known whether a mission is open. */
export async function planRestoreOf(
  mission: SnapshotOwner,
  workspaceRoot: string,
  wave: number,
  signal: AbortSignal,
  missions: Missions = null,
): Promise<PlannedRestore> {
  const { files, workspace, given, base } = await openSnapshots(mission, workspaceRoot);
  const waves = await within(given, files.waves());
  const to = await within(given, readOne(mission, files, waves, wave));
  const place = { workspace, holdsState: mission.request.workspace !== null };
  const plan = await within(given, planRestore(place, to, signal));
  const result = {
    wave,
    changes: plan.changes.map(changeOf),
    left_out: plan.leftOut,
    failed: await within(given, damagedIn(plan, files.objects, signal)),
    ...NOT_OPENED,
  };
  return {
    ...result,
    async carryOut(stop) {
      const runs = await within(given, runsHere(base, mission));
      const held = await holdTasks(runs).catch(notHeld(given));
      try {
        // With the locks: what a worker begins from here on waits until they are free.
        const again = async () => {
          if (missions !== null) refuseOpen(mission, await missions());
          refuseOther(plan, await within(given, planRestore(place, to, stop)), given);
        };
        await again().catch(unlessStopped(stop));
        const failed = await restore(place, plan, files.objects, stop);
        const done = { ...result, ...(await openedMeanwhile(mission, missions, stop)) };
        if (plan.unseen.length === 0 || stop.aborted) return { ...done, failed };
        return { ...done, failed: [...failed, ...(await cameToLight({ place, to, plan, failed }, stop))] };
      } finally {
        await held.release();
      }
    },
  };
}

/** A person has agreed to what was shown. */
function refuseOther(shown: RestorePlan, { changes, unseen }: RestorePlan, given: string): void {
  if (isDeepStrictEqual([shown.changes.map(changeOf), shown.unseen], [changes.map(changeOf), unseen])) return;
  throw new ClientError(
    'workspace_changed',
    `files in ${given} have changed since what to restore was shown, and nothing was restored`,
    'Make sure that nothing works there, and restore again: it shows what would change now.',
  );
}

/** Once it is stopped, nothing is changed, and all is listed as not restored. */
const unlessStopped =
  (stop: AbortSignal) =>
  (error: unknown): void => {
    if (!stop.aborted) throw error;
  };

/** Never rejects: what was restored must be said. */
async function openedMeanwhile(
  mission: SnapshotOwner,
  missions: Missions,
  stop: AbortSignal,
): Promise<Pick<RestoreResult, 'opened_meanwhile' | 'opened_unknown'>> {
  const unknown = (why: string) => ({ opened_meanwhile: null, opened_unknown: why });
  if (missions === null) return NOT_OPENED;
  if (stop.aborted) return unknown('the restore was stopped');
  try {
    return { opened_meanwhile: openIn(mission, await missions())?.id ?? null, opened_unknown: null };
  } catch (error) {
    return unknown(stop.aborted ? 'the restore was stopped' : asError(error).message);
  }
}

const NOT_OPENED = { opened_meanwhile: null, opened_unknown: null };

interface Restored {
  readonly place: WorkspacePlace;
  readonly to: Manifest;
  readonly plan: RestorePlan;
  readonly failed: readonly NotRestored[];
}

/** What the plan could not see, because it could not be read. Never rejects. */
async function cameToLight({ place, to, plan, failed }: Restored, stop: AbortSignal): Promise<readonly NotRestored[]> {
  const named = new Set(failed.map(({ path }) => path));
  try {
    const { changes } = await planRestore(place, to, stop);
    return changes.filter(({ path }) => !named.has(path)).map(({ path }) => ({ path, why: CAME_TO_LIGHT }));
  } catch (error) {
    const why = `what else is in it is not known: ${asError(error).message}`;
    return plan.unseen.filter((path) => !named.has(path)).map((path) => ({ path, why }));
  }
}

/** Where the tasks have their locks that may run in this workspace. */
async function runsHere(base: string, { request }: SnapshotOwner): Promise<readonly string[]> {
  const all = runsOf(base);
  if (request.workspace === null) return [join(all, workspaceOf(request))];
  return (await missionsWithRuns(base)).map((id) => join(all, id));
}

const notHeld =
  (given: string) =>
  (error: unknown): never => {
    if (error instanceof LocksUnavailable)
      throw new ClientError('locks_unavailable', `nothing was restored: ${error.message}`, error.nextStep);
    if (!(error instanceof CallRefused)) throw error;
    throw new ClientError('mission_open', `${error.message}: ${given}`, 'Wait for its end, or cancel its mission.');
  };

const CAME_TO_LIGHT = 'it is in what could not be read before: restore again';

function openIn({ id: own, request: wanted }: SnapshotOwner, missions: Iterable<Mission>): Mission | undefined {
  const { workspace, workspace_marker: marker } = wanted;
  // By the marker: one directory may have several paths.
  const worksHere = ({ id, request }: Mission) =>
    id === own ||
    workspaceOf(request) === workspaceOf(wanted) ||
    (workspace !== null && request.workspace !== null && request.workspace_marker === marker);
  return [...missions].find((each) => isOpen(each) && worksHere(each));
}

function refuseOpen(mission: SnapshotOwner, missions: Iterable<Mission>): void {
  const open = openIn(mission, missions);
  if (open === undefined) return;
  throw new ClientError(
    'mission_open',
    `mission ${open.id} has not ended, and works in this directory`,
    'Wait for its end, or cancel it.',
  );
}

interface OpenSnapshots {
  /** The directory that has them, as errors name it. */
  readonly given: string;
  readonly files: SnapshotFiles;
  /** Absolute, without links. */
  readonly base: string;
  /** Absolute, without links. */
  readonly workspace: string;
}

async function openSnapshots({ id, request }: SnapshotOwner, workspaceRoot: string): Promise<OpenSnapshots> {
  const given = request.workspace ?? workspaceRoot;
  const marker = await markerOf(given);
  if (marker !== request.workspace_marker)
    throw elsewhere(given, marker === null ? 'it is not there, or has no marker' : 'it is another directory');
  const base = await within(given, realpath(given));
  return {
    given,
    base,
    files: snapshotFiles(base, id),
    workspace: request.workspace === null ? join(base, workspaceOf(request)) : base,
  };
}

const markerOf = (directory: string): Promise<string | null> => within(directory, readMarker(directory));

/** What is done with the files of a directory; it may be another user's. */
const within = <T>(directory: string, work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    if (!isFileSystemError(error)) throw error;
    throw elsewhere(directory, unreadableReason(error));
  });

const elsewhere = (directory: string, why: string): ClientError =>
  new ClientError(
    'snapshot_elsewhere',
    `the snapshots are with the workers, below ${directory}, which cannot be used here: ${why}`,
    'Run this command where their volume is, with the same WORKSPACE_ROOT, as the user of the workers.',
  );

const noSnapshots = ({ id, request }: SnapshotOwner): ClientError =>
  new ClientError(
    'snapshot_unknown',
    `mission ${id} has no snapshots`,
    request.requires.includes(SNAPSHOTS)
      ? 'None of its tasks has begun, or its files were removed.'
      : 'They are taken with --workspace, or with snapshots: true in the mission file.',
  );

async function readOne(
  mission: SnapshotOwner,
  files: SnapshotFiles,
  waves: readonly number[],
  wave: number,
): Promise<Manifest> {
  const recorded = mission.snapshots.get(wave)?.digest ?? null;
  const manifest = waves.includes(wave) ? await files.read(wave, recorded) : null;
  if (manifest !== null) return manifest;
  if (waves.length === 0) throw noSnapshots(mission);
  if (!waves.includes(wave))
    throw new ClientError(
      'snapshot_unknown',
      `mission ${mission.id} has no snapshot after wave ${wave}`,
      `There are some after: ${waves.map((each) => (each === 0 ? '0 (before the mission)' : each)).join(', ')}. ` +
        `What the whole mission has changed is shown by: ravenhelm diff ${mission.id}`,
    );
  throw new ClientError(
    'snapshot_changed',
    `the snapshot after wave ${wave} is not the one that the log names: its files were changed`,
    'Do not use it. Choose the snapshot of another wave.',
  );
}
