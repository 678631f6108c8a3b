/** The secrets of an agent: who sees them, where they are, and where they are not. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TaskPlace } from '../../src/ports/tools.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { NO_PROVISIONS } from '../../src/tools/provisions.js';
import { readSecrets } from '../../src/tools/secrets.js';
import { placeForUser, runAsUser, USER } from './as-user.js';
import { createHarness, never, removeTemporaryDirectories, temporaryDirectory, type Harness } from './harness.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

const TOKEN = 'canary-token-5c1b7d';
const LONG = `line one of the key\n${'0123456789abcdef'.repeat(600)}\n`;
const ENVIRONMENT = { DEPLOY_TOKEN: TOKEN, LONG_KEY: LONG };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

afterAll(removeTemporaryDirectories);

let harness: Harness;
beforeAll(async () => {
  const secrets = await readSecrets(['DEPLOY_TOKEN', 'LONG_KEY', 'MISSING'], ENVIRONMENT);
  harness = await createHarness({ provisions: { ...NO_PROVISIONS, secrets }, redact: createRedactor([TOKEN, LONG]) });
});

let tasks = 0;
const task = (...secrets: readonly string[]): TaskPlace => ({
  ...harness.task(`t${++tasks}`),
  permissions: { secrets },
});

const LOOK = [
  'id -u; stat -c "%a %u %n" /run /run/secrets /run/secrets/*',
  'sha256sum < /run/secrets/DEPLOY_TOKEN; sha256sum < /run/secrets/LONG_KEY',
  'awk \'$5 == "/run/secrets" { print $(NF - 2) }\' /proc/self/mountinfo',
  'env | grep -c -e DEPLOY -e canary; ls /proc/self/fd | tr "\\n" " "',
  '(touch /run/secrets/more && echo made) 2>/dev/null; (touch /run/more && echo made) 2>/dev/null; true',
].join('; ');

/** @param mode of /run/secrets's owner */
const seen = (uid: number, owner: number) =>
  [
    ...[uid, `755 ${owner} /run`, `755 ${owner} /run/secrets`],
    ...['DEPLOY_TOKEN', 'LONG_KEY'].map((name) => `400 ${uid} /run/secrets/${name}`),
    ...[`${sha256(TOKEN)}  -`, `${sha256(LONG)}  -`, 'tmpfs', '0', '0 1 2 3 '],
  ].join('\n');

describe('the secrets of an agent', () => {
  test('are files on a tmpfs, for the user of the command only, with exactly their values', async () => {
    const { stdout, stderr } = await harness.sh(LOOK, { task: task('DEPLOY_TOKEN', 'LONG_KEY') });
    const uid = Number(stdout.split('\n')[0]);
    expect([stderr, stdout]).toEqual(['', seen(uid, process.getuid?.() === 0 ? 0 : uid)]);
    expect(uid).not.toBe(0);
  });

  asRoot('are the same where the worker is not root', async () => {
    const place = placeForUser();
    const module = `
      import { readSecrets } from './src/tools/secrets.js';
      const secrets = await readSecrets(['DEPLOY_TOKEN', 'LONG_KEY'], ${JSON.stringify(ENVIRONMENT)});
      const provisions = { secrets, mounts: new Map(), engine: null };
      const own = createToolExecutor({ ...system, workspaceRoot: root, sandbox, clock, logger, provisions });
      const permissions = { secrets: ['DEPLOY_TOKEN', 'LONG_KEY'] };
      const run = (command) => own.run({ task: { ...task, permissions }, step: ++step, claimOffset: 1,
        timeLimitMs: 20000,        tool: 'execute_terminal_command', arguments: { command } }, never);
      console.log(JSON.stringify({ sandbox, look: await run(${JSON.stringify(LOOK)}),
        write: await run('echo x >> /run/secrets/DEPLOY_TOKEN'),
        mode: await run('chmod 644 /run/secrets/DEPLOY_TOKEN') }));`;
    const results = JSON.parse(await runAsUser(place, module));
    expect(results.sandbox).toMatchObject({ ok: true, mode: 'user' });
    expect(JSON.parse(results.look.observation)).toMatchObject({ stderr: '', stdout: seen(USER, USER) });
    expect([results.write.exitCode, results.mode.exitCode]).toEqual([2, 1]);
  });

  test('are not there for an agent that does not name them', async () => {
    const { stdout } = await harness.sh('ls -A /run 2>&1; ls /run/secrets', { task: harness.task('none') });
    expect(stdout).toBe("ls: cannot access '/run': No such file or directory\n");
    const one = await harness.sh('ls /run/secrets', { task: task('LONG_KEY') });
    expect(one.stdout).toBe('LONG_KEY\n');
  });

  test('while a command runs are in no argument, no environment and no file of this computer', async () => {
    const place = task('DEPLOY_TOKEN', 'LONG_KEY');
    const command = 'touch ready; until test -e go; do sleep 0.05; done; sha256sum < /run/secrets/DEPLOY_TOKEN';
    const running = harness.sh(command, { task: place });
    const ready = join(harness.workspace(), 'ready');
    while (!existsSync(ready)) await new Promise((resolve) => setImmediate(resolve));
    const found = [...processTexts(), ...fileTexts(harness.root), ...fileTexts('/dev/shm')].filter(
      ([, text]) => text.includes(TOKEN) || text.includes(LONG.slice(0, 40)),
    );
    writeFileSync(join(harness.workspace(), 'go'), '');
    expect((await running).stdout).toBe(`${sha256(TOKEN)}  -\n`);
    expect(found.map(([where]) => where)).toEqual([]);
  });

  test('that a command prints are redacted in what the model and the events get, each line too', async () => {
    const { stdout } = await harness.sh(
      'cd /run/secrets; cat DEPLOY_TOKEN; echo; tail -n 1 LONG_KEY; head -n 1 LONG_KEY',
      {
        task: task('DEPLOY_TOKEN', 'LONG_KEY'),
      },
    );
    expect(stdout).toBe('[redacted: configured secret]\n'.repeat(3));
  });

  test('are there for each check of the task', async () => {
    const checks = [1, 2].map((number) => ({
      name: `c${number}`,
      command: 'test "$(wc -c < /run/secrets/DEPLOY_TOKEN)" = 19',
    }));
    const call = { task: task('DEPLOY_TOKEN'), step: 1, claimOffset: 10, timeLimitMs: 30_000, checks };
    expect(await harness.executor.runChecks(call, never)).toMatchObject({ passed: true, results: [{}, {}] });
  });

  test('that are missing fail the task before its first step; its fence can be taken', async () => {
    const refusal = {
      code: 'permission',
      retriable: false,
      message:
        "This worker cannot give what the agent's file names: the secret MISSING is not set; set the variable " +
        'MISSING, or MISSING_FILE to a file that has it',
    };
    const place = task('DEPLOY_TOKEN', 'MISSING');
    await expect(harness.executor.prepareWorkspace(place)).rejects.toMatchObject(refusal);
    await expect(harness.executor.checkWorkspace(place)).rejects.toMatchObject(refusal);
    await expect(harness.sh('true', { task: place })).rejects.toMatchObject(refusal);
    await harness.executor.takeFence(place, 11, never);
    expect(await harness.executor.recoverOutcome(place, 1)).toBeNull();
  });

  test('are not given without the sandbox', async () => {
    const secrets = await readSecrets(['DEPLOY_TOKEN'], ENVIRONMENT);
    const off = await createHarness({ sandbox: 'off', provisions: { ...NO_PROVISIONS, secrets } });
    await expect(
      off.sh('true', { task: { ...off.task(), permissions: { secrets: ['DEPLOY_TOKEN'] } } }),
    ).rejects.toMatchObject({ code: 'permission', message: expect.stringContaining('in the sandbox only') });
  });
});

/** Arguments and environments of all processes, by path. This process's own are left out: it has the test. */
function processTexts(): (readonly [string, string])[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  expect(pids.length).toBeGreaterThan(3);
  return pids.flatMap((pid) => ['cmdline', 'environ'].map((name) => textOf(`/proc/${pid}/${name}`)));
}

function fileTexts(directory: string): (readonly [string, string])[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => textOf(join(entry.parentPath, entry.name)));
}

/** Empty for what has gone meanwhile, or belongs to another user. */
function textOf(path: string): readonly [string, string] {
  try {
    return [path, readFileSync(path, 'latin1')];
  } catch {
    return [path, ''];
  }
}

describe('a secret is read', () => {
  const directory = temporaryDirectory();
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  mkdirSync(join(directory, 'directory'));
  const one = async (environment: Record<string, string>) => (await readSecrets(['KEY'], environment)).get('KEY');

  test('from its variable, or from the file that NAME_FILE names, as it is', async () => {
    expect(await one({ KEY: 'in the variable' })).toEqual({ ok: true, value: 'in the variable' });
    expect(await one({ KEY_FILE: file('k', 'in the file\n\n') })).toEqual({ ok: true, value: 'in the file\n\n' });
    expect(await one({ KEY_FILE: file('most', 'x'.repeat(65_536)) })).toMatchObject({ ok: true });
  });

  test.each<[string, () => Record<string, string>, RegExp]>([
    ['missing', () => ({ OTHER: 'x' }), /^the secret KEY is not set; set the variable KEY, or KEY_FILE to a file/],
    ['given twice', () => ({ KEY: 'x'.repeat(8), KEY_FILE: '/x' }), /set twice, by KEY and by KEY_FILE; remove one/],
    ['in no file', () => ({ KEY_FILE: '/nowhere/k' }), /cannot be read: \/nowhere\/k \(no such file.*correct KEY_FILE/],
    ['a directory', () => ({ KEY_FILE: join(directory, 'directory') }), /cannot be read: .*\(it is a directory\)/],
    ['empty', () => ({ KEY: '' }), /too short/],
    ['only white space', () => ({ KEY_FILE: file('blank', ' \n'.repeat(9)) }), /too short/],
    ['too short to be redacted', () => ({ KEY: 'hunter2' }), /too short or too common .* at least 8 characters/],
    ['a part of what marks redacted places', () => ({ KEY: 'redacted' }), /too short or too common/],
    ['no text', () => ({ KEY_FILE: file('binary', Buffer.from([0xff, ...Array(20).fill(65)])) }), /not text in UTF-8/],
    ['with a zero byte', () => ({ KEY_FILE: file('zero', 'abcdefgh\0ijkl') }), /not text in UTF-8.*base64/],
    ['too long', () => ({ KEY_FILE: file('long', 'x'.repeat(65_537)) }), /more than 65536 bytes/],
  ])('and refused when it is %s', async (_, environment, problem) => {
    expect(await one(environment())).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  });
});
