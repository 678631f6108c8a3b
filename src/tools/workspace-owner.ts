/** Whether workers can use a directory from --workspace, looked at before a mission starts. */
import { access, constants, lstat, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WorkspaceUnusable } from '../ports/tools.js';
import { refuseRoots, runsOf, STATE_DIRECTORY } from './places.js';
import { snapshotsOf } from './snapshots/snapshot-files.js';
import { absent, codeOf, reasonOf } from './system-errors.js';

/**
 * What keeps workers from running a mission in the directory, and what to do. Null: nothing is known. A directory that
 * does not exist yet is made.
 * @param asOwner whether the worker is root's, and runs commands as the owner of the directory
 */
export async function workspaceProblem(directory: string, asOwner: boolean): Promise<string | null> {
  try {
    const found = await stat(directory).catch(absent);
    if (found === null) return await problemOf(await nearest(directory), 'made');
    if (!found.isDirectory()) return `The workspace ${directory} is not a directory. Give another one.`;
    if (asOwner) await refuseRoots(directory);
    const state = join(directory, STATE_DIRECTORY);
    const problem = await problemOf(directory, 'used');
    if (problem !== null) return problem;
    // Each mission makes a directory in these.
    for (const place of [state, runsOf(directory), snapshotsOf(directory)]) {
      if ((await lstat(place).catch(absent)) === null) continue;
      const found = await problemOf(place, 'state');
      if (found !== null) return found;
    }
    return null;
  } catch (error) {
    if (error instanceof WorkspaceUnusable) return error.message;
    if (codeOf(error) === 'ENOTDIR' || codeOf(error) === 'EACCES')
      return `The workspace ${directory} cannot be used (${reasonOf(error)}). Give another one.`;
    throw error;
  }
}

/** The directory in which the first one that is missing is made. */
async function nearest(directory: string): Promise<string> {
  const parent = dirname(directory);
  return (await stat(parent).catch(absent)) === null ? nearest(parent) : parent;
}

const PROBLEMS = {
  used: (directory: string) => `The workspace ${directory} cannot be used`,
  made: (directory: string) => `The workspace cannot be made in ${directory}`,
  state: (directory: string) => `The state of earlier missions, ${directory}, cannot be used`,
};

async function problemOf(directory: string, use: keyof typeof PROBLEMS): Promise<string | null> {
  try {
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return `${PROBLEMS[use](directory)} (${reasonOf(error)}). ${await cureFor(directory, codeOf(error))}`;
  }
}

async function cureFor(directory: string, code: string): Promise<string> {
  if (code === 'EROFS') return 'Mount it so that it can be written, or copy it to another place and give that one.';
  const [own, { uid }] = [process.getuid?.() ?? 0, await stat(directory)];
  if (uid === own) return `Give yourself the rights: chmod u+rwx ${directory}`;
  const cure = `start it as that user, or chown -R ${own} ${directory}`;
  return `It belongs to the user ${uid}, and this process is user ${own}: ${cure}`;
}

/**
 * Files at the top of the directory that the user of commands does not own and may not write.
 * @param asOwner whether commands run as the owner of the directory; else as this process's user
 */
export async function foreignFiles(directory: string, asOwner: boolean): Promise<readonly string[]> {
  const uid = asOwner ? (await lstat(directory)).uid : process.getuid?.();
  const names = (await readdir(directory)).filter((name) => name !== STATE_DIRECTORY);
  const found = await Promise.all(names.map(async (name) => ({ name, stats: await lstat(join(directory, name)) })));
  return found
    .filter(({ stats }) => !stats.isSymbolicLink() && stats.uid !== uid && (stats.mode & 0o002) === 0)
    .map(({ name }) => name)
    .sort();
}
