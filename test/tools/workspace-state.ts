import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** Everything below a workspace but missions' state, by path: type, mode and content (Latin-1: no byte is lost). */
export async function workspaceState(base: string, below = ''): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(join(base, below))) {
    const own = join(below, name);
    if (own === '.ravenhelm') continue;
    const path = join(base, own);
    const stats = await lstat(path);
    const mode = (stats.mode & 0o7777).toString(8);
    if (stats.isSymbolicLink()) found[own] = `link ${await readlink(path)}`;
    else if (stats.isDirectory()) Object.assign(found, { [own]: `directory ${mode}` }, await workspaceState(base, own));
    else if (stats.isFile()) found[own] = `file ${mode} ${await readFile(path, 'latin1')}`;
    else found[own] = 'other';
  }
  return found;
}
