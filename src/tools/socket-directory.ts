/**
 * Where the sockets of a call lie: those of its network, which its relay opens, and that of its container engine, which
 * its sandbox mounts. The directory is one that no sandbox mounts as a whole.
 */
import { chmod, chown, lchown, lstat, mkdtemp, readdir, realpath, rm, rmdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative, sep } from 'node:path';
import type { Account } from './account.js';
import { codeOf, reasonOf } from './system-errors.js';

/** What the sockets of a directory are for. */
export interface SocketKind<Name extends string> {
  /** Of the directory's name. */
  readonly prefix: string;
  /** Of the sockets. */
  readonly names: readonly Name[];
}

/** A socket's path has at most 107 bytes (sun_path). */
const MOST_PATH_BYTES = 107;

export interface SocketDirectory<Name extends string> {
  /** Paths of the sockets. Nothing is there yet. */
  readonly paths: Readonly<Record<Name, string>>;
  /** Lets the account, and no other, open the sockets, which must listen; null: this process's user. */
  openTo(account: Account | null): Promise<void>;
  /** Lets sandboxes of the account open a socket that they mount; null: of this process's user. They must listen. */
  openToMounts(account: Account | null): Promise<void>;
  /** Removes the sockets and the directory. */
  remove(): Promise<void>;
}

/**
 * Makes one; first removes those that workers left which were killed. Rejects if there is no place for it.
 * @param mounted directories that sandboxes mount: commands could open or replace what is in them
 */
export async function makeSocketDirectory<Name extends string>(
  kind: SocketKind<Name>,
  mounted: readonly string[],
): Promise<SocketDirectory<Name>> {
  const avoided = await Promise.all(mounted.map((path) => realpath(path).catch(() => path)));
  const reasons: string[] = [];
  for (const place of socketPlaces()) {
    try {
      return await makeIn(kind, place, avoided);
    } catch (error) {
      reasons.push(`${place}: ${reasonOf(error)}`);
    }
  }
  throw new Error(
    `no directory for its sockets (${reasons.join('; ')}). Set TMPDIR to a directory outside of every workspace.`,
  );
}

/** The first one belongs to no workspace on any usual computer; where it is missing, the next one is taken. */
export function socketPlaces(): readonly string[] {
  const uid = process.getuid?.() ?? 0;
  return [...new Set([uid === 0 ? '/run' : `/run/user/${uid}`, tmpdir(), '/tmp', '/dev/shm'])];
}

async function makeIn<Name extends string>(
  kind: SocketKind<Name>,
  place: string,
  avoided: readonly string[],
): Promise<SocketDirectory<Name>> {
  const real = await realpath(place);
  const mount = avoided.find((path) => contains(path, real));
  if (mount !== undefined) throw new Error(`sandboxes mount ${mount}`);
  const longest = Math.max(...kind.names.map((name) => Buffer.byteLength(name)));
  if (Buffer.byteLength(join(real, `${kind.prefix}XXXXXX/`)) + longest > MOST_PATH_BYTES || real.includes('\n'))
    throw new Error('its path is too long, or has a line break');
  await removeLeft(kind, real);
  const directory = await mkdtemp(join(real, kind.prefix));
  const all = pathsIn(kind, directory);
  return {
    paths: Object.fromEntries(kind.names.map((name) => [name, join(directory, name)])) as Record<Name, string>,
    async openTo(account) {
      await giveTo(account, all);
      if (account === null) return;
      await chown(directory, process.getuid?.() ?? 0, account.gid);
      await chmod(directory, 0o710);
    },
    // The directory's mode stays 0700.
    openToMounts: (account) => giveTo(account, all),
    remove: () => removeDirectory(kind, directory),
  };
}

/** The directory is closed and stays this process's: the account can put nothing in the place of a socket. */
async function giveTo(account: Account | null, sockets: readonly string[]): Promise<void> {
  for (const path of sockets) {
    await chmod(path, 0o600);
    if (account !== null) await lchown(path, account.uid, account.gid);
  }
}

function pathsIn({ names }: SocketKind<string>, directory: string): readonly string[] {
  return names.map((name) => join(directory, name));
}

function contains(directory: string, inner: string): boolean {
  const path = relative(directory, inner);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path));
}

/** By name, and not recursively: it may be in a directory of all users. */
async function removeDirectory(kind: SocketKind<string>, directory: string): Promise<void> {
  for (const path of pathsIn(kind, directory)) await rm(path, { force: true });
  await rmdir(directory).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

/** By prefix and place: done once in a process. */
const cleared = new Map<string, Promise<void>>();

function removeLeft(kind: SocketKind<string>, place: string): Promise<void> {
  const key = join(place, kind.prefix);
  const known = cleared.get(key) ?? removeLeftDirectories(kind, place);
  cleared.set(key, known);
  return known;
}

/** Removes this user's directories whose sockets no process listens on. Never rejects: another worker may be faster. */
export async function removeLeftDirectories(kind: SocketKind<string>, place: string): Promise<void> {
  const names = await readdir(place).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(kind.prefix))) {
    const directory = join(place, name);
    const found = await lstat(directory).catch(() => null);
    if (found?.isDirectory() !== true || found.uid !== process.getuid?.()) continue;
    const refusing = await Promise.all(pathsIn(kind, directory).map(refuses));
    if (refusing.every(Boolean)) await removeDirectory(kind, directory).catch(() => undefined);
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
