/** What all sandboxes of an account share: /etc, one prepared directory that is mounted at once, and the filter. */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Account } from './account.js';
import { absent } from './system-errors.js';

/** Copied at each start of a worker, because each mount takes 0.2 ms of each call. */
const COPIED = ['ld.so.cache', 'ld.so.conf', 'localtime', 'ssl/openssl.cnf'];
const COPIED_DIRECTORY = 'ld.so.conf.d';

/** Where systems keep the certificates that programs trust: all, and those of Red Hat. */
const CERTIFICATES = ['ssl/certs', 'pki/tls/certs', 'pki/ca-trust/extracted'];

/**
 * Directories of this computer's /etc that are mounted. Debian and Ubuntu keep files in the last ones that a Java
 * virtual machine does not start without.
 */
export function mountedEtcDirectories(): readonly string[] {
  const isDirectory = (name: string) => statSync(`/etc/${name}`, { throwIfNoEntry: false })?.isDirectory() === true;
  const java = readdirSync('/etc').filter((name) => /^java(-\d+-openjdk)?$/.test(name));
  return ['alternatives', ...CERTIFICATES, ...java].filter(isDirectory);
}

export interface SharedFiles {
  /** Mounted at /etc. */
  readonly etcDir: string;
  /** The file of the system call filter; null: no filter. */
  readonly seccomp: string | null;
}

/** Writes them below the state directory, as far as they are not there yet. */
export async function prepareSharedFiles(state: string, account: Account, filter: Buffer | null): Promise<SharedFiles> {
  const etcDir = await prepareEtc(state, account);
  if (filter === null) return { etcDir, seccomp: null };
  // Workers of several architectures may share the directory.
  const seccomp = join(state, `seccomp-${process.arch}`);
  await writeOnce(seccomp, filter);
  return { etcDir, seccomp };
}

/**
 * Writes what the sandboxes of an account have at /etc, as far as it is not there yet. Resolves with the directory.
 * @param names more lines of /etc/hosts, of a sandbox with a network
 */
export async function prepareEtc(state: string, account: Account, names: string | null = null): Promise<string> {
  const digest = names === null ? '' : `-net-${createHash('sha256').update(names).digest('hex').slice(0, 16)}`;
  const directory = join(state, `account-${account.uid}-${account.gid}${digest}`);
  const root = account.uid === 0 ? '' : 'root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n';
  const parts = await readdir(`/etc/${COPIED_DIRECTORY}`).catch(absent);
  const copies = [...COPIED, ...(parts ?? []).map((name) => `${COPIED_DIRECTORY}/${name}`)];
  const files = await Promise.all(
    copies.map(async (name) => [name, await readFile(`/etc/${name}`).catch(absent)] as const),
  );
  for (const name of [...mountedEtcDirectories(), COPIED_DIRECTORY, 'ssl'])
    await mkdir(join(directory, name), { recursive: true, mode: 0o755 });
  await Promise.all([
    writeOnce(join(directory, 'passwd'), `${root}agent:x:${account.uid}:${account.gid}:agent:/tmp:/bin/sh\n`),
    writeOnce(join(directory, 'group'), `${account.gid === 0 ? '' : 'root:x:0:\n'}agent:x:${account.gid}:\n`),
    writeOnce(join(directory, 'hosts'), `127.0.0.1 localhost ravenhelm\n::1 localhost\n${names ?? ''}`),
    // There is no name server to ask.
    names === null ? null : writeOnce(join(directory, 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files\n'),
    ...files.map(([name, content]) => (content === null ? null : writeOnce(join(directory, name), content))),
  ]);
  return directory;
}

async function writeOnce(path: string, content: string | Buffer): Promise<void> {
  const there = await readFile(path).catch(absent);
  if (there?.equals(Buffer.from(content)) === true) return;
  const draft = join(dirname(path), `.${randomUUID()}`);
  await writeFile(draft, content, { mode: 0o644 });
  await rename(draft, path);
}
