/** A task's workspace: its files as the task has them, owned by the account that runs the agents' commands. */
import { chown, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SANDBOX_ACCOUNT } from '../src/tools/account.js';
import type { EvalTask } from './task-files.js';

export async function createWorkspace(task: EvalTask): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), `ravenhelm-eval-${task.name}-`));
  await writeFiles(directory, task.files);
  await own(directory);
  return directory;
}

/** Puts the protected files back as they were. */
export async function restoreProtected(directory: string, task: EvalTask): Promise<void> {
  const kept = Object.entries(task.files).filter(([path]) => task.protected.includes(path));
  await writeFiles(directory, Object.fromEntries(kept));
  await own(directory);
}

async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
}

/** Where this process is root, commands run as another user, and the workspace must be that user's. */
async function own(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = SANDBOX_ACCOUNT;
  await chown(directory, uid, gid);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.name === '.ravenhelm') continue;
    if (entry.isDirectory()) await own(join(directory, entry.name));
    else if (entry.isFile()) await chown(join(directory, entry.name), uid, gid);
  }
}
