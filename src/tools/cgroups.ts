/**
 * Groups of processes (cgroups) that count and limit what a call uses together. The launcher makes one for each call;
 * here is found, once at the start of a process, where it may. Version 1 has a tree for each controller, version 2 one
 * for all. Nothing is made outside of the group that this process is in, so its own limits keep holding.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { codeOf } from './system-errors.js';

export const CONTROLLERS = ['memory', 'pids'] as const;
export type Controller = (typeof CONTROLLERS)[number];

export interface Cgroup {
  readonly version: 1 | 2;
  readonly controllers: readonly Controller[];
  /** Absolute; groups may be made below it. */
  readonly directory: string;
}

export interface Cgroups {
  /** At most one for each controller. */
  readonly usable: readonly Cgroup[];
}

export const NO_CGROUPS: Cgroups = { usable: [] };

const WORDS: Readonly<Record<Controller, string>> = { memory: 'memory', pids: 'processes' };

/** Which limits hold by what, as one line for the start of a process. */
export function limitsLine({ usable }: Cgroups): string {
  const groups = usable.map(
    ({ version, controllers }) => `cgroup v${version} (${controllers.map((one) => WORDS[one]).join(', ')})`,
  );
  const others = CONTROLLERS.filter((one) => !usable.some(({ controllers }) => controllers.includes(one)));
  const measured = [...others.map((one) => WORDS[one]), 'CPU', 'workspace'];
  return `Limits: by ${[...groups, 'prlimit (CPU, files)', `measuring (${measured.join(', ')})`].join(', ')}`;
}

/** Where this process may make groups; also removes those that launchers left which were killed. Never rejects. */
export async function openCgroups(processDirectory = '/proc/self'): Promise<Cgroups> {
  const usable: Cgroup[] = [];
  for (const group of await groupsOf(processDirectory)) {
    const missing = CONTROLLERS.filter((controller) => !usable.some((one) => one.controllers.includes(controller)));
    const found = group.version === 1 ? await usableV1(group) : await usableV2(group);
    const controllers = found?.controllers.filter((controller) => missing.includes(controller)) ?? [];
    if (found !== null && controllers.length > 0) usable.push({ ...found, controllers });
  }
  for (const { directory } of usable) await removeLeftGroups(directory);
  return { usable };
}

/** The groups that this process is in, version 1 first: a controller is in one tree only. */
async function groupsOf(processDirectory: string): Promise<readonly Cgroup[]> {
  const [own, mounts] = await Promise.all(
    ['cgroup', 'mountinfo'].map((name) => readFile(join(processDirectory, name), 'utf8').catch(() => '')),
  );
  const paths = (own ?? '').split('\n').flatMap((line) => {
    const [, id, names, path] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    return id === undefined || names === undefined || path === undefined ? [] : [{ names: names.split(','), path }];
  });
  const groups = (mounts ?? '').split('\n').flatMap((line): Cgroup[] => {
    const [, root, target, type, options] = /^\d+ \d+ \S+ (\S+) (\S+) .* - (cgroup2?) \S+ (\S+)$/.exec(line) ?? [];
    if (root === undefined || target === undefined || options === undefined) return [];
    const names: readonly string[] = type === 'cgroup2' ? [''] : options.split(',');
    const path = paths.find((one) => one.names.some((name) => names.includes(name)))?.path;
    const below = path === undefined ? '..' : relative(root, path);
    // A group outside of what is mounted here, as in a container that shares its host's mount.
    if (below.startsWith('..')) return [];
    const controllers = type === 'cgroup2' ? CONTROLLERS : CONTROLLERS.filter((one) => names.includes(one));
    return [{ version: type === 'cgroup2' ? 2 : 1, controllers, directory: join(target, below) }];
  });
  return groups.filter(({ controllers }) => controllers.length > 0).toSorted((a, b) => a.version - b.version);
}

const FILES = {
  1: { memory: 'memory.limit_in_bytes', pids: 'pids.max' },
  2: { memory: 'memory.max', pids: 'pids.max' },
} as const;
const TRIED = { memory: 1 << 30, pids: 1_000 } as const;

async function usableV1(group: Cgroup): Promise<Cgroup | null> {
  return (await canMakeGroups(group)) ? group : null;
}

/** Makes a group and sets its limits, as a launcher does. */
async function canMakeGroups({ version, controllers, directory }: Cgroup): Promise<boolean> {
  const path = join(directory, `ravenhelm-try-${randomUUID()}`);
  try {
    await mkdir(path);
    try {
      // Without O_CREAT: a directory that is no cgroup has no such file.
      for (const controller of controllers)
        await writeFile(join(path, FILES[version][controller]), String(TRIED[controller]), { flag: 'r+' });
      return true;
    } finally {
      await rmdir(path);
    }
  } catch {
    return false; // read-only, another user's, or without that controller: limits hold by prlimit
  }
}

/** In it a process moves, so that its group may have groups of calls: version 2 allows processes in leaves only. */
const OWN_LEAF = 'ravenhelm-worker';

async function usableV2(own: Cgroup): Promise<Cgroup | null> {
  const directory = basename(own.directory) === OWN_LEAF ? dirname(own.directory) : own.directory;
  const available = await words(join(directory, 'cgroup.controllers'));
  const controllers = own.controllers.filter((controller) => available.includes(controller));
  if (controllers.length === 0 || !(await enableControllers(directory, controllers))) return null;
  const group = { ...own, controllers, directory };
  return (await canMakeGroups(group)) ? group : null;
}

/** Lets the groups below have these controllers. */
export async function enableControllers(directory: string, controllers: readonly string[]): Promise<boolean> {
  const control = join(directory, 'cgroup.subtree_control');
  const enabled = await words(control);
  const missing = controllers.filter((controller) => !enabled.includes(controller));
  if (missing.length === 0) return true;
  const text = missing.map((controller) => `+${controller}`).join(' ');
  try {
    await writeFile(control, text, { flag: 'r+' });
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EBUSY' || !(await moveToLeaf(directory))) return false;
  }
  return writeFile(control, text, { flag: 'r+' }).then(
    () => true,
    () => false,
  );
}

/** Only where all of the group's processes belong together: this one, those that it descends from, and its children. */
async function moveToLeaf(directory: string): Promise<boolean> {
  const leaf = join(directory, OWN_LEAF);
  try {
    const parents = new Map<number, number>();
    const pids = (await words(join(directory, 'cgroup.procs'))).map(Number);
    for (const pid of [...pids, process.pid]) parents.set(pid, await parentOf(pid));
    const own = new Set<number>();
    for (let pid = process.pid; pid > 0 && !own.has(pid); pid = await parentOf(pid)) own.add(pid);
    if (!pids.every((pid) => own.has(pid) || parents.get(pid) === process.pid)) return false;
    await mkdir(leaf, { recursive: true });
    for (const pid of pids) await writeFile(join(leaf, 'cgroup.procs'), String(pid), { flag: 'r+' });
    return true;
  } catch {
    return false; // not this process's to change
  }
}

async function parentOf(pid: number): Promise<number> {
  return Number(/.*\) \S+ (\d+)/s.exec(await statOf(pid))?.[1] ?? 0);
}

async function words(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split(/\s+/).filter((word) => word !== '');
}

/** Their names say which process made them: ravenhelm-{pid}-{its start, in ticks since the start of the computer}. */
async function removeLeftGroups(directory: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const [, pid, start] = /^ravenhelm-(\d+)-(\d+)$/.exec(name) ?? [];
    if (pid === undefined || start === undefined || (await startOf(pid)) === start) continue;
    // One that has processes stays: another computer's or container's launcher may see other process ids.
    await rmdir(join(directory, name)).catch(() => undefined);
  }
}

async function startOf(pid: string): Promise<string | null> {
  return /.*\) (?:\S+ ){19}(\d+)/s.exec(await statOf(pid))?.[1] ?? null;
}

/** Empty where the process has ended, or ends while it is read (ESRCH). */
const statOf = (pid: number | string): Promise<string> => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
