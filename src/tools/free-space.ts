/** The free space of the workspaces' disk: no step begins below a floor. */
import { statfs } from 'node:fs/promises';
import { WorkspaceFull } from '../ports/tools.js';
import { listWorkspaces, notedBytes, notedUsage } from './workspaces.js';

const MIB = 1024 * 1024;
/** What the advice names; a mission that waits for a person may be a day old. */
const OLD_DAYS = 7;
const DAY_MS = 86_400_000;

/**
 * Rejects with WorkspaceFull if the file system of a directory has less free.
 * @param root of the workspaces, for the advice
 */
export async function requireFreeSpace(root: string, directory: string, leastMb: number, nowMs: number): Promise<void> {
  if (leastMb === 0) return;
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize >= leastMb * MIB) return;
  const floor = `no step begins below ${inMib(leastMb * MIB)} (WORKSPACE_MIN_FREE_MB)`;
  throw new WorkspaceFull({}, `${await spaceText(root, directory, nowMs)}; ${floor}`);
}

/** Rejects with WorkspaceFull if a directory's file system has no space, or no file, left. */
export async function requireNotFull(root: string, directory: string, nowMs: number): Promise<void> {
  const { bavail, files, ffree } = await statfs(directory);
  if (bavail > 0 && (files === 0 || ffree > 0)) return;
  throw new WorkspaceFull({}, await spaceText(root, directory, nowMs));
}

/** How full the disk is and what can be removed: "the disk of the workspaces has 90 MiB free of 4,000 MiB; …". */
export async function spaceText(root: string, directory: string, nowMs: number): Promise<string> {
  const { bavail, blocks, bsize } = await statfs(directory);
  const space = `the disk of the workspaces has ${inMib(bavail * bsize)} free of ${inMib(blocks * bsize)}`;
  const command = `ravenhelm workspace prune --older-than ${OLD_DAYS}d`;
  const old = (await listWorkspaces(root)).filter(({ lastUsedMs }) => lastUsedMs < nowMs - OLD_DAYS * DAY_MS);
  if (old.length === 0) return `${space}; ${command} frees nothing`;
  const bytes = await Promise.all(old.map(async ({ missionId }) => (await notedBytes(root, missionId)) ?? 0));
  const most = bytes.reduce((sum, one) => sum + one, 0);
  return `${space}; ${command} frees about ${inMib(most)} (${old.length} workspace${old.length === 1 ? '' : 's'})`;
}

/**
 * How full a workspace and its disk are: "it has 12 MiB in 3 files; the disk of the workspaces has 90 MiB free …".
 * @param runs the directory beside it with the run directories of its tasks
 */
export async function usedText(root: string, runs: string, nowMs: number): Promise<string> {
  const used = await notedUsage(runs);
  const own = used === null ? '' : `it has ${inMib(used.bytes)} in ${used.files.toLocaleString('en-US')} files; `;
  return `${own}${await spaceText(root, runs, nowMs)}`;
}

function inMib(bytes: number): string {
  return `${Math.floor(bytes / MIB).toLocaleString('en-US')} MiB`;
}
