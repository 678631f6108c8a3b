/** Snapshots of a mission's workspace, where this computer sees the volume: what has changed, and the way back. */
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { workspaceOf } from '../domain/continuation.js';
import type { Mission } from '../domain/mission-state.js';
import { isOpen } from '../domain/mission-state.js';
import { SNAPSHOTS } from '../domain/requirements.js';
import { isFileSystemError, unreadableReason } from '../agent/text-file.js';
import type { ListingDifference } from '../tools/listing.js';
import { readMarker } from '../tools/places.js';
import { differencesOf, digestOfLines, distinctLeftOut } from '../tools/snapshots/manifest.js';
import type { LeftOut, Manifest } from '../tools/snapshots/manifest.js';
import { planRestore, restore, type NotRestored } from '../tools/snapshots/restore.js';
import { missionsWithSnapshots, snapshotFiles, type SnapshotFiles } from '../tools/snapshots/snapshot-files.js';
import { ClientError } from './client-error.js';
import { changeOf, patchOf, type FileChange } from './snapshot-diff.js';

export interface WorkspaceDiff {
  /** Waves between whose ends the changes lie; 0: before the mission. */
  readonly from: number;
  readonly to: number;
  /** In order of the paths. */
  readonly changes: readonly FileChange[];
  /** What one of the snapshots does not have, although no .gitignore names it: whether it changed is not known. */
  readonly left_out: readonly LeftOut[];
  /** Files that changed while the later snapshot was taken. */
  readonly unsettled: readonly string[];
}

/** What is known of a mission whose snapshots are wanted. */
export interface SnapshotOwner extends Pick<Mission, 'id' | 'snapshots'> {
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

/** @param wave what this wave has changed; null: what the mission has, as far as there are snapshots */
export async function diffMission(
  mission: SnapshotOwner,
  workspaceRoot: string,
  wave: number | null,
): Promise<WorkspaceDiff & { patch(signal: AbortSignal): AsyncIterable<string> }> {
  const { files, given } = await openSnapshots(mission, workspaceRoot);
  const waves = await within(given, files.waves());
  const [first, last] = [waves[0], waves.at(-1)];
  if (first === undefined || last === undefined) throw noSnapshots(mission);
  const to = wave ?? last;
  const from = wave === null ? first : wave - 1;
  const read = (wave: number) => within(given, readOne(mission, files, waves, wave));
  const [before, after] = await Promise.all([read(from), read(to)]);
  const differences = differencesOf(before, after).filter(isShown(before));
  return {
    from,
    to,
    changes: differences.map(changeOf),
    left_out: distinctLeftOut([...after.leftOut, ...before.leftOut]),
    unsettled: after.unsettled,
    patch: (signal) => patchOf(differences, before, files.objects, signal),
  };
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
  /** What could not be restored, and why; empty before it was tried. */
  readonly failed: readonly NotRestored[];
}

export interface PlannedRestore extends RestoreResult {
  carryOut(signal: AbortSignal): Promise<RestoreResult>;
}

/**
 * @param others missions that the log has; none that is open may work in the same directory
 * Rejects with ClientError: mission_open, snapshot_unknown, snapshot_elsewhere, snapshot_changed.
 */
export async function planMissionRestore(
  mission: Mission,
  others: Iterable<Mission>,
  workspaceRoot: string,
  wave: number,
  signal: AbortSignal,
): Promise<PlannedRestore> {
  refuseOpen(mission, others);
  return planRestoreOf(mission, workspaceRoot, wave, signal);
}

/** The same where it is not known whether a mission is open. */
export async function planRestoreOf(
  mission: SnapshotOwner,
  workspaceRoot: string,
  wave: number,
  signal: AbortSignal,
): Promise<PlannedRestore> {
  const { files, workspace, given } = await openSnapshots(mission, workspaceRoot);
  const waves = await within(given, files.waves());
  const to = await within(given, readOne(mission, files, waves, wave));
  const place = { workspace, holdsState: mission.request.workspace !== null };
  const plan = await within(given, planRestore(place, to, signal));
  const result = {
    wave,
    changes: plan.changes.map(changeOf),
    left_out: plan.leftOut,
    failed: [],
  };
  return {
    ...result,
    async carryOut(stop) {
      const failed = await restore(place, plan, files.objects, stop);
      if (plan.unseen.length === 0) return { ...result, failed };
      const { changes } = await planRestore(place, to, stop);
      const named = new Set(failed.map(({ path }) => path));
      const rest = changes.filter(({ path }) => !named.has(path)).map(({ path }) => ({ path, why: CAME_TO_LIGHT }));
      return { ...result, failed: [...failed, ...rest] };
    },
  };
}

const CAME_TO_LIGHT = 'it is in what could not be read before: restore again';

function refuseOpen(mission: Mission, others: Iterable<Mission>): void {
  const { workspace, workspace_marker: marker } = mission.request;
  // By the marker: one directory may have several paths.
  const worksHere = ({ id, request }: Mission) =>
    id === mission.id ||
    workspaceOf(request) === workspaceOf(mission.request) ||
    (workspace !== null && request.workspace !== null && request.workspace_marker === marker);
  const open = [mission, ...others].find((each) => isOpen(each) && worksHere(each));
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
  const manifest = waves.includes(wave) ? await files.read(wave) : null;
  if (waves.length === 0) throw noSnapshots(mission);
  if (manifest === null)
    throw new ClientError(
      'snapshot_unknown',
      `mission ${mission.id} has no snapshot after wave ${wave}`,
      `There are some after: ${waves.map((each) => (each === 0 ? '0 (before the mission)' : each)).join(', ')}.`,
    );
  const recorded = mission.snapshots.get(wave);
  if (recorded !== undefined && recorded.settled && recorded.digest !== digestOfLines(manifest.lines))
    throw new ClientError(
      'snapshot_changed',
      `the snapshot after wave ${wave} is not the one that the log names: its files were changed`,
      'Do not use it. Choose the snapshot of another wave.',
    );
  return manifest;
}
