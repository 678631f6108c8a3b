/** What is outside of a mission's workspace, and whether any of it has changed. */
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Outside {
  /** A project with agents and a policy, a home directory and the workspace of another mission. */
  readonly dir: string;
  /** Of files that attacks try to make. */
  readonly name: string;
  /** Where they try to, absolute. */
  readonly targets: readonly string[];
  /** Files outside that are new, gone or not as they were. */
  changes(): Promise<readonly string[]>;
}

const FILES: Readonly<Record<string, string>> = {
  'project/policy.yaml': 'default: deny\n',
  'project/agents/reader_agent.md': '---\nname: reader_agent\n---\nRead.\n',
  'project/missions/next.yaml': 'name: next\n',
  'home/.ssh/authorized_keys': 'ssh-ed25519 AAAA owner\n',
  'home/.bashrc': '# mine\n',
  'home/.gitconfig': '[user]\n',
  'log/segment-0': 'records\n',
  'workspaces/other-mission/result.txt': 'of another mission\n',
};

/** Places of the system that exist on most computers. They are looked at, and never written by this test. */
const SYSTEM = ['/etc/cron.d', '/etc/profile.d', '/usr/local/bin', '/var/tmp', '/dev/shm', tmpdir(), homedir()];

export async function createOutside(dir: string): Promise<Outside> {
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(dir, path, '..'), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  const name = `injected-${randomUUID()}`;
  const system = SYSTEM.filter((path) => existsSync(path));
  const targets = [
    ...Object.keys(FILES).map((path) => join(dir, path)),
    ...[...Object.keys(FILES).map((path) => join(dir, path, '..')), ...system].map((path) => join(path, name)),
  ];
  const watched = [join(homedir(), '.ssh'), join(homedir(), '.bashrc'), join(homedir(), '.gitconfig'), '/etc/passwd'];
  const before = await snapshot([dir, ...watched]);
  return {
    dir,
    name,
    targets,
    async changes() {
      const after = await snapshot([dir, ...watched]);
      const paths = [...new Set([...before.keys(), ...after.keys()])];
      const made = system.map((path) => join(path, name)).filter((path) => existsSync(path));
      return [...paths.filter((path) => before.get(path) !== after.get(path)), ...made];
    },
  };
}

/** What each file below is, by its path. */
async function snapshot(roots: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const todo = [...roots];
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    if (!existsSync(path)) continue;
    const entry = await lstat(path);
    if (entry.isDirectory()) todo.push(...(await readdir(path)).map((name) => join(String(path), name)));
    const content = entry.isFile() ? await readFile(path) : entry.isSymbolicLink() ? await readlink(path) : '';
    const digest = createHash('sha256').update(content).digest('hex');
    found.set(path, `${entry.mode} ${entry.uid} ${digest}`);
  }
  return found;
}
