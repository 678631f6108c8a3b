/** Where the sockets of a gateway lie: a directory that no sandbox mounts, and that only its relay can enter. */
import { chmod, chown, lchown, lstat, mkdtemp, readdir, realpath, rm, rmdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { Account } from '../account.js';
import { codeOf, reasonOf } from '../system-errors.js';

const PREFIX = 'ravenhelm-net-';
const NAMES = ['proxy', 'direct'] as const;

/** A socket's path has at most 107 bytes (sun_path). */
const MOST_PATH_BYTES = 107;

export interface SocketDirectory {
  /** Paths of the HTTP proxy's socket and of the other one. Nothing is there yet. */
  readonly proxy: string;
  readonly direct: string;
  /** Lets the account, and no other, open the sockets, which must listen; null: this process's user. */
  openTo(account: Account | null): Promise<void>;
  /** Removes the sockets and the directory. */
  remove(): Promise<void>;
}

/**
 * Makes one; first removes those that workers left which were killed. Rejects if there is no place for it.
 * @param mounted directories that sandboxes mount: commands could open or replace what is in them
 */
export async function makeSocketDirectory(mounted: readonly string[]): Promise<SocketDirectory> {
  const avoided = await Promise.all(mounted.map((path) => realpath(path).catch(() => path)));
  const reasons: string[] = [];
  for (const place of candidates()) {
    try {
      return await makeIn(place, avoided);
    } catch (error) {
      reasons.push(`${place}: ${reasonOf(error)}`);
    }
  }
  throw new Error(
    `no directory for its sockets (${reasons.join('; ')}). Set TMPDIR to a directory outside of every workspace.`,
  );
}

/** The first one belongs to no workspace on any usual computer; where it is missing, the next one is taken. */
function candidates(): readonly string[] {
  const uid = process.getuid?.() ?? 0;
  return [...new Set([uid === 0 ? '/run' : `/run/user/${uid}`, tmpdir(), '/tmp', '/dev/shm'])];
}

async function makeIn(place: string, avoided: readonly string[]): Promise<SocketDirectory> {
  const real = await realpath(place);
  const mount = avoided.find((path) => contains(path, real));
  if (mount !== undefined) throw new Error(`sandboxes mount ${mount}`);
  if (Buffer.byteLength(join(real, `${PREFIX}XXXXXX`, 'direct')) > MOST_PATH_BYTES || real.includes('\n'))
    throw new Error('its path is too long, or has a line break');
  await removeLeft(real);
  const directory = await mkdtemp(join(real, PREFIX));
  const [proxy, direct] = pathsIn(directory);
  return {
    proxy,
    direct,
    async openTo(account) {
      // The directory is still closed and stays this process's: the account can put nothing in the place of a socket.
      for (const path of [proxy, direct]) {
        await chmod(path, 0o600);
        if (account !== null) await lchown(path, account.uid, account.gid);
      }
      if (account === null) return;
      await chown(directory, process.getuid?.() ?? 0, account.gid);
      await chmod(directory, 0o710);
    },
    remove: () => removeDirectory(directory),
  };
}

function pathsIn(directory: string): readonly [proxy: string, direct: string] {
  return [join(directory, NAMES[0]), join(directory, NAMES[1])];
}

function contains(directory: string, inner: string): boolean {
  const path = relative(directory, inner);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

/** By name, and not recursively: it may be in a directory of all users. */
async function removeDirectory(directory: string): Promise<void> {
  for (const path of pathsIn(directory)) await rm(path, { force: true });
  await rmdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/** By place: done once in a process. */
const cleared = new Map<string, Promise<void>>();

function removeLeft(place: string): Promise<void> {
  const known = cleared.get(place) ?? removeLeftDirectories(place);
  cleared.set(place, known);
  return known;
}

/** Removes this user's directories whose sockets no process listens on. Never rejects: another worker may be faster. */
export async function removeLeftDirectories(place: string): Promise<void> {
  const names = await readdir(place).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(PREFIX))) {
    const directory = join(place, name);
    const found = await lstat(directory).catch(() => null);
    if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) continue;
    const refusing = await Promise.all(pathsIn(directory).map(refuses));
    if (refusing.every(Boolean)) await removeDirectory(directory).catch(() => undefined);
  }
}

/** Whether there is a socket that nothing listens on. */
async function refuses(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  if (found?.isSocket() !== true) return false;
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
    socket.on('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
}
