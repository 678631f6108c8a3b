/** A project that uses a clone through links, as npm makes them for `file:DIR` and `npm link`. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectDirOf } from '../../src/cli/project-dir.js';
import { createTestClone, type TestClone } from '../cli/support/clone.js';

let clone: TestClone;
let dir: string;

beforeAll(async () => {
  clone = await createTestClone();
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'ravenhelm-linked-')));
}, 60_000);
afterAll(async () => {
  await clone.remove();
  rmSync(dir, { recursive: true, force: true });
});

/** Every file of the clone that is its own. */
const filesOfClone = () => readdirSync(clone.dir, { recursive: true, encoding: 'utf8' }).sort();

/** Links of the command, by how npm makes them. */
const LINKS = {
  'file:DIR': (project: string) => {
    mkdirSync(join(project, 'node_modules/.bin'), { recursive: true });
    symlinkSync(clone.dir, join(project, 'node_modules/ravenhelm'));
    symlinkSync('../ravenhelm/bin/ravenhelm.js', join(project, 'node_modules/.bin/ravenhelm'));
    return join(project, 'node_modules/.bin/ravenhelm');
  },
  'npm link': (project: string) => {
    mkdirSync(join(project, 'prefix/bin'), { recursive: true });
    symlinkSync(join(clone.dir, 'bin/ravenhelm.js'), join(project, 'prefix/bin/ravenhelm'));
    return join(project, 'prefix/bin/ravenhelm');
  },
};

test.each(['file:DIR', 'npm link'] as const)(
  'a mission of a new project runs there and writes nothing into the clone: %s',
  async (how) => {
    const first = join(dir, how.replace(/\W/g, '-'));
    mkdirSync(first);
    const command = LINKS[how](first);
    const before = filesOfClone();
    const run = (cwd: string, ...args: readonly string[]) => execa(command, args, { cwd, env: clone.env, all: true });
    await run(first, 'new', 'mine');
    const mine = join(first, 'mine');
    expect(JSON.parse(readFileSync(join(mine, 'package.json'), 'utf8')).dependencies).toEqual({
      ravenhelm: `file:${realpathSync(clone.dir)}`,
    });
    const { all } = await run(mine, 'run', 'missions/hello.yaml');
    expect(all).toContain('hello completed');
    expect(all).toContain('log: in memory');
    expect(existsSync(join(mine, '.ravenhelm/workspaces'))).toBe(true);
    expect(filesOfClone()).toEqual(before);
  },
  120_000,
);

describe('the project of a process', () => {
  const placed = (name: string, ...files: readonly string[]) => {
    const made = join(dir, name);
    for (const file of files) mkdirSync(join(made, file), { recursive: true });
    return made;
  };

  test('is the clone that it was started from by its path, and from a folder of the clone', () => {
    const packageDir = placed('clone', 'bin/ravenhelm.js', 'docs', 'package.json');
    const program = join(packageDir, 'bin/ravenhelm.js');
    expect(projectDirOf({ packageDir, cwd: '/', program })).toBe(packageDir);
    expect(projectDirOf({ packageDir, cwd: packageDir, program })).toBe(packageDir);
    expect(projectDirOf({ packageDir, cwd: join(packageDir, 'docs'), program })).toBe(packageDir);
  });

  test('is a project that was made inside the clone', () => {
    const packageDir = placed('around', 'bin/ravenhelm.js', 'package.json', 'mine/package.json');
    const cwd = join(packageDir, 'mine');
    expect(projectDirOf({ packageDir, cwd, program: join(cwd, 'node_modules/.bin/ravenhelm') })).toBe(cwd);
  });

  test('is the clone where a folder above it is a link', () => {
    const packageDir = placed('real/clone', 'bin/ravenhelm.js', 'package.json');
    symlinkSync(join(dir, 'real'), join(dir, 'alias'));
    const program = join(dir, 'alias/clone/bin/ravenhelm.js');
    expect(projectDirOf({ packageDir, cwd: '/', program })).toBe(packageDir);
  });

  test('is the working directory of an installed package', () => {
    const packageDir = placed('user/node_modules/ravenhelm', 'bin/ravenhelm.js');
    const cwd = join(dir, 'user');
    expect(projectDirOf({ packageDir, cwd, program: join(packageDir, 'bin/ravenhelm.js') })).toBe(cwd);
  });
});
