import { removeLeftLists } from '../tools/artifacts/kept.js';
import { forgetDirectories } from '../tools/given-directories.js';
import {
  createSnapshotMeter,
  listSnapshots,
  listWorkspaces,
  measuredBytes,
  removeLeftAside,
  removeSnapshots,
  removeWorkspace,
  type KeptWorkspace,
} from '../tools/workspaces.js';

/** Whether a mission is still open; unknown: the log does not have it, or there is no log. */
export type MissionState = 'open' | 'ended' | 'unknown';

export interface PruneOptions {
  /** Absolute. */
  readonly workspaceRoot: string;
  /** null: of ended missions, however new; else those that were not used for so long, of unknown missions too. */
  readonly olderThanMs: number | null;
  /** Remove nothing. */
  readonly dryRun: boolean;
  readonly nowMs: number;
  stateOf(missionId: string): MissionState;
}

export interface PrunedWorkspace extends KeptWorkspace {
  readonly bytes: number;
}

export interface Pruned {
  /** Removed, or with dryRun those that would be. */
  readonly workspaces: readonly PrunedWorkspace[];
  /** Those that stay, by the reason. in_use: a step runs. unknown: only an age lets them be removed. */
  readonly kept: Readonly<Record<'open' | 'in_use' | 'newer' | 'unknown', number>>;
}

/**
 * Removes workspaces below the root, with the files beside them and their snapshots. Those of open missions stay,
 * whatever their age, and those in which a step runs. A directory from --workspace is never removed.
 */
export async function pruneWorkspaces(options: PruneOptions): Promise<Pruned> {
  const { workspaceRoot, dryRun } = options;
  const kept = { open: 0, in_use: 0, newer: 0, unknown: 0 };
  const workspaces: PrunedWorkspace[] = [];
  if (!dryRun) await removeLeftAside(workspaceRoot);
  for (const workspace of await listWorkspaces(workspaceRoot)) {
    const reason = reasonToKeep(workspace, options);
    if (reason !== null) {
      kept[reason] += 1;
      continue;
    }
    const bytes = await measuredBytes(workspaceRoot, workspace.missionId);
    if (dryRun || (await removeWorkspace(workspaceRoot, workspace.missionId))) workspaces.push({ ...workspace, bytes });
    else kept.in_use += 1;
  }
  if (!dryRun) await Promise.all([removeLeftLists(workspaceRoot), forgetDirectories(workspaceRoot)]);
  return { workspaces, kept };
}

/**
 * Removes the snapshots of missions in a directory from --workspace. Its files stay as they are, and what these
 * missions have changed can no longer be shown or undone. Snapshots of open missions stay.
 */
export async function pruneSnapshots(directory: string, options: Omit<PruneOptions, 'workspaceRoot'>): Promise<Pruned> {
  const kept = { open: 0, in_use: 0, newer: 0, unknown: 0 };
  const workspaces: PrunedWorkspace[] = [];
  const measure = createSnapshotMeter(directory);
  if (!options.dryRun) await removeLeftAside(directory);
  for (const snapshots of await listSnapshots(directory)) {
    const reason = reasonToKeep(snapshots, options);
    if (reason === null) workspaces.push({ ...snapshots, bytes: await measure(snapshots.missionId) });
    else kept[reason] += 1;
  }
  if (!options.dryRun) for (const { missionId } of workspaces) await removeSnapshots(directory, missionId);
  return { workspaces, kept };
}

function reasonToKeep(
  { missionId, lastUsedMs }: KeptWorkspace,
  { olderThanMs, nowMs, stateOf }: Omit<PruneOptions, 'workspaceRoot'>,
): 'open' | 'newer' | 'unknown' | null {
  const state = stateOf(missionId);
  if (state === 'open') return 'open';
  if (olderThanMs !== null) return lastUsedMs > nowMs - olderThanMs ? 'newer' : null;
  return state === 'ended' ? null : 'unknown';
}
