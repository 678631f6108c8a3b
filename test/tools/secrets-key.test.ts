/** The key of a workspace: who sees it, that there is one, and that it is whole. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { TaskPlace } from '../../src/ports/tools.js';
import { keyDirectory, workspaceMarker } from '../../src/tools/places.js';
import { secretsKey } from '../../src/tools/secrets-key.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory, type Harness } from './harness.js';

const WHOLE = /^[A-Za-z0-9+/]{64}\n$/;

afterAll(removeTemporaryDirectories);

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness();
});

/** Another task each time: the steps of a task are counted. */
let tasks = 0;
const task = (missionId: string, key: TaskPlace['secretsKey']): TaskPlace => ({
  ...harness.task(`t${++tasks}`, missionId),
  secretsKey: key,
});
const see = async (place: TaskPlace, of = harness) =>
  (await of.sh('cat /keys/secrets.key && echo "$KEYS"', { task: place })).stdout;
const pathOf = (place: TaskPlace, root = harness.root) => join(keyDirectory(root, place), 'secrets.key');

describe('the key of a workspace', () => {
  test('is seen by an agent that names it, and not by another one in the same workspace', async () => {
    const named = task('m1', 'made');
    const seen = await see(named);
    expect(seen).toBe(`${readFileSync(pathOf(named), 'utf8')}/keys\n`);
    const blind = await harness.sh(
      'echo "${KEYS-none}"; cat /keys/secrets.key; grep -c keys /proc/self/mountinfo; ' +
        'find / -xdev -name "secrets.key*" 2>/dev/null',
      { task: task('m1', 'none') },
    );
    expect(blind.stdout).toBe('none\n0\n');
    expect(blind.stderr).toContain('/keys/secrets.key');
  });

  test('is another one than that of another workspace, and the same for all tasks and workers of one', async () => {
    const first = await see(task('m1', 'made'));
    expect(await see(task('m1', 'made'))).toBe(first);
    expect(await see(task('m2', 'made'))).not.toBe(first);
    const later = await createHarness({ root: harness.root });
    expect(await see(task('m1', 'made'), later)).toBe(first);
  });

  test('lies outside the workspace, for one user only, and cannot be changed from the sandbox', async () => {
    const place = task('m1', 'made');
    const command =
      'id -u; stat -c "%a %u" /keys /keys/secrets.key; echo x > /keys/secrets.key; chmod 777 /keys; rm /keys/*; true';
    const [uid, ...modes] = (await harness.sh(command, { task: place })).stdout.trim().split('\n');
    expect(modes).toEqual([`700 ${uid}`, `600 ${uid}`]);
    expect(readFileSync(pathOf(place), 'utf8')).toMatch(WHOLE);
    expect(pathOf(place)).toContain(join(harness.root, '.ravenhelm'));
    expect(statSync(join(harness.root, '.ravenhelm')).mode & 0o777).toBe(0o700);
    expect(readdirSync(harness.workspace())).toEqual([]);
  });

  test('is seen by success checks if an agent of the mission has used it; they do not make one', async () => {
    const checks = [{ name: 'key', command: 'test -s "$KEYS"/secrets.key' }];
    const passes = async () => {
      const call = { task: task('m1', 'existing'), step: 1, claimOffset: 1, timeLimitMs: 30_000, checks };
      return (await harness.executor.runChecks(call, new AbortController().signal)).passed;
    };
    expect(await passes()).toBe(false);
    expect(existsSync(pathOf(task('m1', 'existing')))).toBe(false);
    await see(task('m1', 'made'));
    expect(await passes()).toBe(true);
  });

  test('that is torn or empty is never used, and never replaced', async () => {
    const place = task('m1', 'made');
    const key = await see(place);
    for (const torn of ['', key.slice(0, 20), key.slice(0, 64)]) {
      writeFileSync(pathOf(place), torn);
      await expect(harness.sh('true', { task: task('m1', 'made') })).rejects.toMatchObject({
        code: 'workspace',
        message: expect.stringContaining('secrets.key is damaged'),
      });
      expect(readFileSync(pathOf(place), 'utf8')).toBe(torn);
    }
  });

  test('without a sandbox is named by KEYS, for the agents that name it only', async () => {
    const off = await createHarness({ sandbox: 'off' });
    const place = task('m1', 'made');
    const marker = { workspaceMarker: await workspaceMarker(off.root) };
    const shown = await off.sh('echo "$KEYS"', { task: { ...place, ...marker } });
    expect(shown.stdout).toBe(`${keyDirectory(off.root, place)}\n`);
    expect((await off.sh('echo "${KEYS-none}"', { task: { ...task('m1', 'none'), ...marker } })).stdout).toBe('none\n');
  });
});

describe('the key of a directory from --workspace', () => {
  async function givenDirectory(): Promise<TaskPlace> {
    const workspace = temporaryDirectory();
    if (process.getuid?.() === 0) chownSync(workspace, 12_345, 12_345);
    return { ...task('m1', 'made'), workspace, workspaceMarker: await workspaceMarker(workspace) };
  }
  const another = (place: TaskPlace): TaskPlace => ({ ...place, missionId: 'm2', taskId: `t${++tasks}` });

  test('is one for all missions in it, below WORKSPACE_ROOT', async () => {
    const place = await givenDirectory();
    const key = await see(place);
    expect(await see(another(place))).toBe(key);
    expect(readFileSync(pathOf(place), 'utf8')).toBe(key.slice(0, 65));
    expect(await see(await givenDirectory())).not.toBe(key);
    const inDirectory = readdirSync(place.workspace ?? '', { recursive: true, encoding: 'utf8' });
    expect(inDirectory.filter((name) => name.endsWith('secrets.key'))).toEqual([]);
  });

  test('is not made again by a worker with another WORKSPACE_ROOT, nor when it was lost', async () => {
    const place = await givenDirectory();
    const key = await see(place);
    const elsewhere = await createHarness();
    const refusal = { code: 'workspace', message: expect.stringContaining('another WORKSPACE_ROOT') };
    await expect(see(another(place), elsewhere)).rejects.toMatchObject(refusal);
    expect(existsSync(pathOf(place, elsewhere.root))).toBe(false);
    rmSync(keyDirectory(harness.root, place), { recursive: true });
    await expect(see(another(place))).rejects.toMatchObject(refusal);
    rmSync(join(place.workspace ?? '', '.ravenhelm/secrets-key-id'));
    expect(await see(another(place))).not.toBe(key);
  });

  test('of two workers that have different roots and begin at once, one is used', async () => {
    const idFile = join(temporaryDirectory(), 'id');
    const places = Array.from({ length: 8 }, () => ({
      directory: join(temporaryDirectory(), 'key'),
      idFile,
      account: null,
    }));
    const made = await Promise.allSettled(places.map((place) => secretsKey(place, true)));
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const again = await Promise.allSettled(places.map((place) => secretsKey(place, true)));
    expect(again.map(({ status }) => status)).toEqual(made.map(({ status }) => status));
  });
});

describe('processes that make keys', () => {
  const module = JSON.stringify(resolve('dist/tools/secrets-key.js'));
  /** Says that it is ready, and makes the keys of the directories of each line that it reads. */
  const script = `
    import { createInterface } from 'node:readline';
    import { readFileSync } from 'node:fs';
    const { secretsKey } = await import(${module});
    console.log('ready');
    for await (const line of createInterface({ input: process.stdin })) {
      const keys = [];
      for (const directory of JSON.parse(line)) {
        await secretsKey({ directory, idFile: null, account: null }, true);
        keys.push(readFileSync(directory + '/secrets.key', 'utf8'));
      }
      console.log(JSON.stringify(keys));
    }`;

  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  async function startMaker() {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const closed = once(child, 'close');
    expect((await lines.next()).value).toBe('ready');
    return {
      ask: (directories: readonly string[]) => child.stdin.write(`${JSON.stringify(directories)}\n`),
      answer: async (): Promise<readonly string[]> => JSON.parse(String((await lines.next()).value)),
      isRunning: () => child.exitCode === null && child.signalCode === null,
      async end(signal?: NodeJS.Signals) {
        if (signal === undefined) child.stdin.end();
        else child.kill(signal);
        await closed;
      },
    };
  }

  test('at once for one workspace get one key', async () => {
    const root = temporaryDirectory();
    const directories = Array.from({ length: 200 }, (_, index) => join(root, String(index)));
    const makers = await Promise.all([startMaker(), startMaker()]);
    for (const maker of makers) maker.ask(directories);
    const [one = [], two = []] = await Promise.all(makers.map((maker) => maker.answer()));
    await Promise.all(makers.map((maker) => maker.end()));
    expect(one).toHaveLength(200);
    expect(two).toEqual(one);
    expect(new Set(one).size).toBe(200);
    expect(one.every((key) => WHOLE.test(key))).toBe(true);
    expect(readdirSync(root).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('and are killed leave whole keys only, and the next one continues', async () => {
    const root = temporaryDirectory();
    mkdirSync(root, { recursive: true });
    const directories = Array.from({ length: 10_000 }, (_, index) => join(root, String(index)));
    const keys = () => readdirSync(root).filter((name) => !name.startsWith('.'));
    for (let kill = 1; kill <= 5; kill += 1) {
      const maker = await startMaker();
      const before = keys().length;
      maker.ask(directories);
      while (keys().length < before + 20 && maker.isRunning()) await new Promise((done) => setImmediate(done));
      await maker.end('SIGKILL');
      const torn = keys().filter((name) => !WHOLE.test(readFileSync(join(root, name, 'secrets.key'), 'utf8')));
      expect(torn).toEqual([]);
    }
    expect(keys().length).toBeGreaterThanOrEqual(100);
  });
});
