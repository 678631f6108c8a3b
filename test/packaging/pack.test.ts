/** The package as npm installs it: packed, then installed into an empty directory and into a new project. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { excluding, LOWEST, readLock } from './support/engines.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const INSTALL = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--omit=optional'];

let dir: string;
let tarball: string;
const run = (cwd: string, program: string, ...args: readonly string[]) =>
  execa(program, args, { cwd, reject: false, all: true, env: { RAVENHELM_LOG: undefined, INIT_CWD: undefined } });

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravenhelm-pack-'));
  const packed = await execa('npm', ['pack', '--silent', '--pack-destination', dir], { cwd: project });
  tarball = join(dir, packed.stdout.trim().split('\n').at(-1) ?? '');
  mkdirSync(join(dir, 'empty'));
  writeFileSync(join(dir, 'empty/package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  const installed = await run(join(dir, 'empty'), 'npm', ...INSTALL, tarball);
  if (installed.exitCode !== 0) throw new Error(installed.all);
}, 300_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('the command answers with its version', async () => {
  const { stdout } = await run(join(dir, 'empty'), 'npx', 'ravenhelm', '--version');
  expect(stdout.trim()).toBe(JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).version);
}, 60_000);

test('the lowest supported version of node is excluded by none of the packages that come with it', () => {
  const packages = readLock(join(dir, 'empty/package-lock.json'));
  expect(packages['node_modules/ravenhelm']).toBeDefined();
  expect(excluding(LOWEST, packages)).toEqual([]);
});

test("the package's own missions run where the person has none", async () => {
  const empty = join(dir, 'empty');
  const ran = await run(empty, 'npx', 'ravenhelm', 'run', 'missions/hello.yaml', '--log', 'memory');
  expect(ran.all).toContain('hello completed; 2 of 2 tasks verified');
  expect(ran.exitCode).toBe(0);
  const typed = await run(empty, 'npx', 'ravenhelm', 'run', 'missions/helo.yaml', '--log', 'memory');
  expect(typed.all).toContain(`there is no mission file ${join(empty, 'missions/helo.yaml')}`);
  expect(typed.exitCode).toBe(2);
}, 120_000);

test('the library runs a mission where it is installed', async () => {
  writeFileSync(join(dir, 'empty/embed.mjs'), readFileSync(join(project, 'examples/embed.mjs')));
  const { all } = await run(join(dir, 'empty'), process.execPath, 'embed.mjs');
  expect(all).toBe('completed: deploy-greeter-wave1 verified');
}, 60_000);

test('a new project starts at once, with its own agent and mission, and leaves node_modules alone', async () => {
  const made = await run(join(dir, 'empty'), 'npx', 'ravenhelm', 'new', '../mine');
  expect(made.all).toContain('npm start');
  const mine = join(dir, 'mine');
  expect(JSON.parse(readFileSync(join(mine, 'package.json'), 'utf8')).dependencies).toEqual({
    ravenhelm: `file:${tarball}`,
  });
  const installed = await run(mine, 'npm', ...INSTALL);
  expect([installed.exitCode, installed.exitCode === 0 ? '' : installed.all]).toEqual([0, '']);
  const started = await run(mine, 'npm', 'start');
  expect(started.all).toContain('log: in memory, this process only');
  expect(started.all).toContain('hello completed');
  expect(started.all).toContain('greeter');
  expect(started.all).not.toContain('cert_agent'); // the agent and the mission of the package with the same name
  expect(started.exitCode).toBe(0);
  expect(readFileSync(join(mine, 'ravenhelm.yaml'), 'utf8')).not.toMatch(/^[^#]/m);
  expect(started.all).toContain('a broker keeps them (npx ravenhelm stack up, or KAFKA_BROKERS');
  // Only a clone has the setup and the platform's agents; the local stack's files are in the package.
  const unnamed = await run(mine, 'npx', 'ravenhelm', 'start', '--exit');
  expect(unnamed.all).toContain('Name one: npx ravenhelm run missions/hello.yaml');
  expect(unnamed.exitCode).toBe(2);
  for (const file of ['docker-compose.redpanda.yml', 'local-stack/redpanda-bootstrap.yaml', 'local-stack/log4j2.xml'])
    expect(existsSync(join(mine, 'node_modules/ravenhelm', file))).toBe(true);
  // A broker in the settings is used at once; without its registry the error says what is missing.
  writeFileSync(join(mine, '.env'), 'KAFKA_BROKERS=127.0.0.1:1\n');
  const alone = await run(mine, 'npm', 'start');
  expect(alone.all).toContain('but SCHEMA_REGISTRY_URL is not');
  expect(alone.all).not.toContain('log: in memory');
  expect(alone.exitCode).toBe(2);
  const inMemory = await run(mine, 'npm', 'start', '--', '--log', 'memory');
  expect(inMemory.all).toContain('hello completed');
  writeFileSync(join(mine, '.env'), 'KAFKA_BROKERS=127.0.0.1:1\nSCHEMA_REGISTRY_URL=http://127.0.0.1:1\n');
  const both = await run(mine, 'npm', 'start');
  expect(both.all).not.toContain('in memory');
  expect(both.exitCode).toBe(3);
  expect(existsSync(join(mine, 'node_modules/ravenhelm/.ravenhelm'))).toBe(false);
  expect(existsSync(join(mine, '.ravenhelm'))).toBe(true);
}, 300_000);

test('a strict TypeScript program compiles against the declarations, theirs checked, too', async () => {
  const empty = join(dir, 'empty');
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    module: 'NodeNext',
    target: 'ES2023',
    lib: ['ES2023', 'ESNext.Disposable'],
    types: ['node'],
    typeRoots: [join(project, 'node_modules/@types')],
    noEmit: true,
  };
  writeFileSync(join(empty, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  writeFileSync(
    join(empty, 'consumer.ts'),
    `import { createClient, createSwarm, memoryLog, type Swarm } from 'ravenhelm';
const swarm: Swarm = await createSwarm({ log: memoryLog(), agents: 'agents' });
const client = createClient(swarm);
const { status } = await client.run('missions/hello.yaml');
// @ts-expect-error: a status is a text; without types it would be any, and this line an error.
export const wrong: number = status;
await client.close();
`,
  );
  const compiled = await run(empty, join(project, 'node_modules/.bin/tsc'), '-p', '.');
  expect(compiled.all).toBe('');
  expect(compiled.exitCode).toBe(0);
}, 120_000);

test('a directory that holds something is refused', async () => {
  const refused = await run(join(dir, 'empty'), 'npx', 'ravenhelm', 'new', '.');
  expect(refused.all).toContain('is not empty');
  expect(refused.exitCode).toBe(2);
}, 60_000);
