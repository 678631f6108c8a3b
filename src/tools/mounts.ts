/** What agents' files name as mounts: whether it is there, and whether it may be shown to a sandbox. */
import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isWithin } from '../domain/sandbox-paths.js';
import type { Provided } from './secrets.js';
import { absent, codeOf, reasonOf } from './system-errors.js';

/** Neither these, nor what is in them, nor a directory around them. */
const NEVER = ['/proc', '/sys', '/dev', '/run', '/boot', '/etc', '/var/lib/docker', '/var/lib/containers'];
/** Neither these nor a directory around them; what is in them can be named. */
const WHOLE = ['/root', '/home'];
/** Where users' programs keep keys. */
const KEY_DIRECTORIES = ['.ssh', '.gnupg', '.aws', '.azure', '.kube', '.docker'];

export interface MountRules {
  /** Has the workspaces of all missions, and their keys. */
  readonly workspaceRoot: string;
  /** Files with what no agent may read, such as the project's .env. */
  readonly privateFiles: readonly string[];
  /** Where container engines may listen, which would give all of the computer. */
  readonly engineSockets: readonly string[];
}

/**
 * By the path that the file names: the path without links, which is what a sandbox gets. Links are followed once, here:
 * the rules hold for what they lead to.
 */
export async function resolveMounts(
  paths: readonly string[],
  rules: MountRules,
): Promise<ReadonlyMap<string, Provided<string>>> {
  const forbidden = await forbiddenPlaces(rules);
  return new Map(await Promise.all(paths.map(async (path) => [path, await resolveMount(path, forbidden)] as const)));
}

interface Forbidden {
  readonly path: string;
  readonly what: string;
  /** Whether what is in it can be mounted. */
  readonly inside: boolean;
}

async function forbiddenPlaces({
  workspaceRoot,
  privateFiles,
  engineSockets,
}: MountRules): Promise<readonly Forbidden[]> {
  const real = (path: string) => realpath(path).catch(() => path);
  const home = await real(homedir());
  return [
    ...NEVER.map((path) => ({ path, what: path, inside: false })),
    ...[...WHOLE, home].map((path) => ({ path, what: `the home directory ${path}`, inside: true })),
    { path: await real(workspaceRoot), what: "the missions' workspaces", inside: false },
    ...(await Promise.all(
      privateFiles.map(async (file) => ({ path: await real(file), what: `the private file ${file}`, inside: false })),
    )),
    // Also where a link to it lies, and where there is none yet.
    ...(
      await Promise.all(
        engineSockets.map(async (socket) =>
          [socket, await real(socket)].map((path) => ({ path, what: `the engine's socket ${socket}`, inside: false })),
        ),
      )
    ).flat(),
  ];
}

async function resolveMount(path: string, forbidden: readonly Forbidden[]): Promise<Provided<string>> {
  const refused = (why: string): Provided<string> => ({ ok: false, problem: `the mount ${path} ${why}` });
  try {
    const source = await realpath(path);
    const kind = kindOf(await stat(source));
    if (kind !== null) return refused(`is ${kind}; only files and directories can be mounted`);
    const leads = source === path ? 'is' : `leads to ${source}, which is`;
    const found = forbidden.find(
      (place) => isWithin(place.path, source) || (!place.inside && isWithin(source, place.path)),
    );
    if (found !== undefined)
      return refused(
        `${leads} ${relation(source, found.path)} ${found.what}, which no agent may see; name another place`,
      );
    const keys = await keyDirectory(source);
    return keys === null
      ? { ok: true, value: source }
      : refused(`has ${keys}, where programs keep keys; name a part of it`);
  } catch (error) {
    if (codeOf(error) === '') throw error;
    return refused(`cannot be opened (${reasonOf(error)}); create it, or correct the agent's file`);
  }
}

function relation(source: string, place: string): string {
  if (source === place) return 'the same as';
  return isWithin(source, place) ? 'in' : 'around';
}

/** null: a file or a directory. */
function kindOf(found: Stats): string | null {
  if (found.isFile() || found.isDirectory()) return null;
  return found.isSocket() ? 'a socket' : found.isFIFO() ? 'a named pipe' : 'a device';
}

/** A name in the path, or an entry of the directory; null: none. */
async function keyDirectory(source: string): Promise<string | null> {
  const names = source.split('/');
  for (const name of KEY_DIRECTORIES)
    if (names.includes(name) || (await lstat(join(source, name)).catch(notThere)) !== null) return name;
  return null;
}

function notThere(error: unknown): null {
  return codeOf(error) === 'ENOTDIR' ? null : absent(error);
}
