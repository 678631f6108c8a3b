import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProject } from '../../src/cli/actions/new.js';
import type { CommandContext } from '../../src/cli/context.js';
import { SETTINGS } from '../../src/cli/settings.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravenhelm-new-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Makes a project with the package that lies in a directory; its files. */
async function made(packageDir: string): Promise<(file: string) => string> {
  const host = { cwd: dir, packageDir, version: '0.1.0' };
  await createProject({ host, json: false, say: () => undefined } as unknown as CommandContext, 'mine');
  return (file) => readFileSync(join(dir, 'mine', file), 'utf8');
}

test('a new project has all files; git leaves out what is secret or made by a run', async () => {
  const read = await made('/opt/ravenhelm');
  expect(readdirSync(join(dir, 'mine')).sort()).toEqual(
    ['.env.example', '.gitignore', 'agents', 'missions', 'package.json', 'ravenhelm.yaml'].sort(),
  );
  expect(read('.gitignore').split('\n')).toEqual(expect.arrayContaining(['node_modules/', '.ravenhelm/', '.env']));
  const named = [...read('.env.example').matchAll(/^# ([A-Z_]+)=/gm)].map(([, name = '']) => name);
  expect(named).toContain('ANTHROPIC_API_KEY');
  for (const name of named) expect(Object.keys(SETTINGS)).toContain(name);
  expect(read('.env.example')).not.toMatch(/^[^#\n]/m); // nothing in it is in force
});

test.each([
  ['https://example.org/ravenhelm-0.1.0.tgz', 'https://example.org/ravenhelm-0.1.0.tgz'],
  ['git+ssh://git@example.org/ravenhelm.git#v0.1.0', 'git+ssh://git@example.org/ravenhelm.git#v0.1.0'],
  ['^0.1.0', '0.1.0'],
  ['latest', '0.1.0'],
])('where it was installed as %s the project names %s', async (given, named) => {
  const packageDir = join(dir, 'first/node_modules/ravenhelm');
  mkdirSync(packageDir, { recursive: true });
  writeFileSync(join(dir, 'first/package.json'), JSON.stringify({ dependencies: { ravenhelm: given } }));
  const read = await made(packageDir);
  expect(JSON.parse(read('package.json')).dependencies).toEqual({ ravenhelm: named });
});

test('where it was installed from a file, its path becomes absolute', async () => {
  const packageDir = join(dir, 'first/node_modules/ravenhelm');
  mkdirSync(packageDir, { recursive: true });
  writeFileSync(join(dir, 'first/package.json'), '{ "dependencies": { "ravenhelm": "file:../ravenhelm.tgz" } }');
  const read = await made(packageDir);
  expect(JSON.parse(read('package.json')).dependencies).toEqual({ ravenhelm: `file:${join(dir, 'ravenhelm.tgz')}` });
});

test('of a clone it names the directory, of a package without a project the version', async () => {
  expect(JSON.parse((await made('/opt/ravenhelm'))('package.json')).dependencies).toEqual({
    ravenhelm: 'file:/opt/ravenhelm',
  });
  rmSync(join(dir, 'mine'), { recursive: true });
  const read = await made(join(dir, 'none/node_modules/ravenhelm'));
  expect(JSON.parse(read('package.json')).dependencies).toEqual({ ravenhelm: '0.1.0' });
});
