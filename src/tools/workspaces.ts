/**
 * The workspaces below a root: how old and how large they are, and their removal. What a task's launcher holds is never
 * removed: all locks of a mission are taken first, and its directories are renamed while they are held.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LAUNCHER_PATH } from './launcher-process.js';
import { keyDirectory, runsOf, STATE_DIRECTORY } from './places.js';
import { missionsWithSnapshots, snapshotsOf } from './snapshots/snapshot-files.js';
import { absent, codeOf } from './system-errors.js';

/** A mission's workspace below WORKSPACE_ROOT. */
export interface KeptWorkspace {
  readonly missionId: string;
  /** When a step last began or ended in it, by the files beside it; ms since the epoch. */
  readonly lastUsedMs: number;
}

/**
 * The workspaces that missions have left or use, the longest unused first. A directory that no step of a mission has
 * run in, and of which there is no snapshot, is none. Resolves with none where there is no root.
 */
export async function listWorkspaces(root: string): Promise<readonly KeptWorkspace[]> {
  const missions = new Set([...(await missionsWithRuns(root)), ...(await missionsWithSnapshots(root))]);
  return byAge([...missions].map(async (missionId) => ({ missionId, lastUsedMs: await lastUsedOf(root, missionId) })));
}

/** Missions of which a task has run below a base. */
export async function missionsWithRuns(base: string): Promise<readonly string[]> {
  const runs = (await readdir(runsOf(base), { withFileTypes: true }).catch(absent)) ?? [];
  return runs.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

/** Missions that have snapshots in a directory from --workspace, the longest unused first. */
export async function listSnapshots(directory: string): Promise<readonly KeptWorkspace[]> {
  const missions = await missionsWithSnapshots(directory);
  return byAge(
    missions.map(async (missionId) => {
      const own = join(snapshotsOf(directory), missionId);
      return { missionId, lastUsedMs: (await lstat(own).catch(gone))?.mtimeMs ?? 0 };
    }),
  );
}

async function byAge(kept: readonly Promise<KeptWorkspace>[]): Promise<readonly KeptWorkspace[]> {
  return (await Promise.all(kept)).toSorted((a, b) => a.lastUsedMs - b.lastUsedMs);
}

/** A task's directory changes at each start mark and outcome; its outputs at each file there. */
async function lastUsedOf(root: string, missionId: string): Promise<number> {
  const runs = join(runsOf(root), missionId);
  const tasks = ((await readdir(runs).catch(absent)) ?? []).filter((name) => !name.startsWith('.'));
  const paths = [
    join(root, missionId),
    runs,
    join(snapshotsOf(root), missionId),
    ...tasks.flatMap((task) => [join(runs, task), join(runs, task, 'outputs')]),
  ];
  const times = await Promise.all(paths.map(async (path) => (await lstat(path).catch(gone))?.mtimeMs ?? 0));
  return Math.max(...times);
}

/** What is removed while it is read, or is no directory. */
function gone(error: unknown): null {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
  throw error;
}

/** The bytes that a launcher has noted of a mission's workspace, more rather than less; null: it has not. */
export async function notedBytes(root: string, missionId: string): Promise<number | null> {
  return (await notedUsage(join(runsOf(root), missionId)))?.bytes ?? null;
}

/** What a launcher has noted of a workspace, beside the run directories of its tasks; null: it has not. */
export async function notedUsage(runs: string): Promise<{ readonly bytes: number; readonly files: number } | null> {
  const text = await readFile(join(runs, '.usage'), 'utf8').catch(absent);
  const [, bytes, files] = /^(\d+) (\d+)/.exec(text ?? '') ?? [];
  return bytes === undefined ? null : { bytes: Number(bytes), files: Number(files) };
}

/**
 * Bytes on the disk of a mission's workspace, of the files beside it and of its snapshots. What cannot be read counts
 * nothing.
 */
export function measuredBytes(root: string, missionId: string): Promise<number> {
  return bytesOf(
    [join(root, missionId), join(runsOf(root), missionId), join(snapshotsOf(root), missionId)],
    () => true,
  );
}

/**
 * Measures snapshots in a directory from --workspace, one mission after the other: a file that several of them share
 * is freed with the last of its names.
 */
export function createSnapshotMeter(directory: string): (missionId: string) => Promise<number> {
  const names = new Map<number, number>();
  const isLastName = ({ ino, nlink }: Stats) => {
    names.set(ino, (names.get(ino) ?? 0) + 1);
    return names.get(ino) === nlink;
  };
  return (missionId) => bytesOf([join(snapshotsOf(directory), missionId)], isLastName);
}

async function bytesOf(paths: readonly string[], isFreed: (file: Stats) => boolean): Promise<number> {
  let bytes = 0;
  const todo = [...paths];
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    const entry = await lstat(path).catch(unreadable);
    if (entry === null) continue;
    if (entry.isDirectory() || isFreed(entry)) bytes += entry.blocks * 512;
    if (!entry.isDirectory()) continue;
    const names = (await readdir(path).catch(unreadable)) ?? [];
    todo.push(...names.map((name) => join(String(path), name)));
  }
  return bytes;
}

function unreadable(error: unknown): null {
  if (['ENOENT', 'ENOTDIR', 'EACCES', 'ENAMETOOLONG'].includes(codeOf(error))) return null;
  throw error;
}

/**
 * Takes the lock of each task that has run, without waiting, then renames the mission's directories. A launcher
 * that starts later finds neither. Node has no file locks.
 */
const SET_ASIDE = `
use Errno;
my ($workspace, $runs, $keys, $snapshots, $to) = @ARGV;
my @held;
my @tasks;
if (opendir(my $list, $runs)) { @tasks = grep { !/^\\./ } readdir $list; }
elsif (!$!{ENOENT}) { die "cannot list $runs: $!\\n"; }
for my $task (@tasks) {
  open(my $lock, '+<', "$runs/$task/lock") or next;
  flock($lock, 2 | 4) or exit 72;
  push @held, $lock;
}
for my $pair ([$workspace, 'workspace'], [$keys, 'keys'], [$snapshots, 'snapshots'], [$runs, 'runs']) {
  next unless -e $pair->[0];
  rename $pair->[0], "$to/$pair->[1]" or die "cannot rename $pair->[0]: $!\\n";
}`;
const BUSY = 72;

/** Removes the snapshots of a mission that has ended in a directory from --workspace. */
export async function removeSnapshots(directory: string, missionId: string): Promise<void> {
  const aside = join(directory, STATE_DIRECTORY, `pruned-${randomUUID()}`);
  await rename(join(snapshotsOf(directory), missionId), aside);
  await removeAll(aside);
}

/**
 * Removes a mission's workspace, the files beside it, its snapshots and its key. Resolves with false if a step of it
 * runs.
 */
export async function removeWorkspace(root: string, missionId: string): Promise<boolean> {
  const keys = keyDirectory(root, { missionId, workspace: null, workspaceMarker: '' });
  const aside = join(root, STATE_DIRECTORY, `pruned-${randomUUID()}`);
  await mkdir(aside, { mode: 0o700 });
  const { code, said } = await run('perl', [
    ...['-e', SET_ASIDE],
    ...[join(root, missionId), join(runsOf(root), missionId), keys],
    ...[join(snapshotsOf(root), missionId), aside],
  ]);
  if (code !== 0 && code !== BUSY) throw new Error(`Could not remove the workspace of ${missionId}: ${said}`);
  await removeAll(aside);
  return code === 0;
}

/** Removes what a prune that was interrupted has set aside. */
export async function removeLeftAside(root: string): Promise<void> {
  const names = (await readdir(join(root, STATE_DIRECTORY)).catch(absent)) ?? [];
  for (const name of names) if (/^pruned-[0-9a-f-]{36}$/.test(name)) await removeAll(join(root, STATE_DIRECTORY, name));
}

/** An agent may have taken the owner's rights from a directory. */
async function removeAll(path: string): Promise<void> {
  const refused = await rm(path, { recursive: true, force: true }).then(() => false, isRefused);
  if (!refused) return;
  await giveRights(path).catch(isRefused);
  // By directory descriptors: an agent may have nested directories deeper than a path can say.
  const { code, said } = await run('rm', ['-rf', '--', path]);
  if (code !== 0) throw new Error(`Could not remove ${path}: ${said}`);
}

function isRefused(error: unknown): true {
  if (['EACCES', 'ENOTEMPTY', 'ENAMETOOLONG'].includes(codeOf(error))) return true;
  throw error;
}

/** What the removal that was refused still removes may be gone. */
async function giveRights(directory: string): Promise<void> {
  await chmod(directory, 0o700).catch(absent);
  for (const entry of (await readdir(directory, { withFileTypes: true }).catch(absent)) ?? [])
    if (entry.isDirectory()) await giveRights(join(directory, entry.name));
}

function run(
  program: string,
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: { PATH: LAUNCHER_PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said: said.trim() }));
  });
}
