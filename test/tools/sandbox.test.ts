import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ToolSetupError } from '../../src/tools/errors.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { probeSandbox } from '../../src/tools/probe.js';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import {
  createHarness,
  never,
  removeTemporaryDirectories,
  temporaryDirectory,
  usableSandbox,
  type Harness,
} from './harness.js';

const isRoot = process.getuid?.() === 0;
const asRoot = isRoot ? test : test.skip;

let harness: Harness;
beforeAll(async () => {
  process.env['RAVENHELM_TEST_SECRET'] = 'sk-canary-0123456789';
  harness = await createHarness();
});
afterAll(() => {
  delete process.env['RAVENHELM_TEST_SECRET'];
  removeTemporaryDirectories();
});

describe('what a command sees', () => {
  test('there is no network', async () => {
    const server = createServer((socket) => socket.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const script = [
      `require('net').connect(${port}, '127.0.0.1')`,
      `.on('error', (e) => { console.log(e.code); })`,
      `.on('data', (d) => console.log(String(d)))`,
    ].join('');
    expect(await harness.sh(`node -e "${script}"`)).toMatchObject({ stdout: 'ECONNREFUSED\n' });
    expect((await harness.sh('cat /proc/net/dev')).stdout).not.toMatch(/eth|ens|enp|wlan/);
    await new Promise((resolve) => server.close(resolve));
  });

  test('the worker’s environment cannot be read, not even from process 1', async () => {
    const result = await harness.sh('env; cat /proc/*/environ 2>/dev/null; cat /proc/1/environ');
    expect(result.stdout).not.toContain('canary');
    expect(result.stdout).not.toContain('NODE_OPTIONS');
    const names = (await harness.sh('env -u PWD')).stdout
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0])
      .sort();
    expect(names).toEqual(['HOME', 'LANG', 'OUTPUTS', 'PATH', 'PYTHONPYCACHEPREFIX', 'TOOLBOX', 'WORKSPACE']);
  });

  test('no other process of the computer is visible', async () => {
    const { stdout } = await harness.sh('ls -d /proc/[0-9]* | wc -l');
    expect(Number(stdout)).toBeLessThan(8);
    expect((await harness.sh('kill -9 1; kill -9 -1; true')).exitCode).not.toBeNull();
  });

  test('no descriptor of the worker or of the launcher is open', async () => {
    const { stdout } = await harness.sh('ls -l /proc/self/fd');
    expect(stdout).not.toContain('.ravenhelm/runs/m1/deploy-cert_agent-wave1/lock');
    expect(stdout).not.toContain('launcher.log');
  });

  asRoot('commands have no privileges: no uid 0, no capabilities, and no way to gain them', async () => {
    const { stdout } = await harness.sh('id -u; grep -E "^Cap|NoNewPrivs" /proc/self/status');
    expect(stdout).toMatch(new RegExp(`^${SANDBOX_ACCOUNT.uid}\n`));
    expect([...stdout.matchAll(/^Cap\w+:\t(\w+)$/gm)].map((match) => match[1])).toEqual(
      Array(5).fill('0000000000000000'),
    );
    expect(stdout).toContain('NoNewPrivs:\t1');
    expect(await harness.sh('cat /proc/1/environ')).toMatchObject({ outcome: 'error' });
  });

  test('awk, openssl, git and node work', async () => {
    expect(
      await harness.sh(`awk 'BEGIN { print 1 }' && openssl version && git --version && node -p 'process.arch'`),
    ).toMatchObject({ outcome: 'ok' });
  });
});

describe('what a command can write', () => {
  test.each([
    '/proc/sys/kernel/core_pattern',
    '/proc/sysrq-trigger',
    '/usr/bin/evil',
    '/etc/passwd',
    '/outputs/x',
    '/x',
    '/toolbox/x',
  ])('not %s', async (path) => {
    expect(await harness.sh(`echo x > ${path}`)).toMatchObject({ outcome: 'error', success: false });
  });

  test('its own /tmp, which is removed afterwards', async () => {
    expect(await harness.sh('echo x > /tmp/mine && cat /tmp/mine')).toMatchObject({ stdout: 'x\n' });
    expect(await harness.sh('cat /tmp/mine')).toMatchObject({ outcome: 'error' });
  });

  test('not the workspace of another mission, which is invisible to it', async () => {
    const other = await harness.executor.prepareWorkspace(harness.task('t', 'm2'));
    writeFileSync(join(other, 'theirs'), 'x');
    expect(await harness.sh(`ls ${harness.root}; cat ${other}/theirs; ls /workspace/../m2`)).toMatchObject({
      outcome: 'error',
      stdout: '',
    });
  });

  test('files that the worker can read', async () => {
    await harness.sh('umask 077; mkdir -p private; echo x > private/f');
    expect(readFileSync(join(harness.workspace(), 'private/f'), 'utf8')).toBe('x\n');
    expect(await harness.call('execute_terminal_command', { command: 'cat f', working_dir: 'private' })).toMatchObject({
      outcome: 'ok',
    });
  });
});

describe('modes', () => {
  test('a workspace is closed to other users, also one of an older version', async () => {
    const modeOf = (directory: string) => statSync(directory).mode & 0o7777;
    const own = await harness.executor.prepareWorkspace(harness.task('t', 'modes'));
    expect(modeOf(own)).toBe(0o700);
    chmodSync(own, 0o755);
    await harness.executor.prepareWorkspace(harness.task('t', 'modes'));
    expect(modeOf(own)).toBe(0o700);
  });

  test('a step that takes all rights from the workspace does not make later steps fail', async () => {
    const given = temporaryDirectory();
    chmodSync(given, 0o750);
    if (isRoot) chownSync(given, 12_345, 12_345);
    const mine = { ...harness.task('closing'), workspace: given, workspaceMarker: await workspaceMarker(given) };
    for (const task of [harness.task('closing', 'closing'), mine]) {
      expect(await harness.sh('echo x > f; chmod 000 /workspace', { task, step: 1 })).toMatchObject({ exitCode: 0 });
      expect(await harness.sh('cat f', { task, step: 2 })).toMatchObject({ stdout: 'x\n' });
      await harness.sh('chmod 000 /workspace', { task, step: 3 });
      expect(await harness.call('workspace_read', { path: 'f' }, { task, step: 4 })).toMatchObject({ outcome: 'ok' });
    }
    expect(statSync(given).mode & 0o7777).toBe(0o700);
  });

  test('no file gets the setuid or setgid bit, whichever program makes it', async () => {
    const { stdout } = await harness.sh(
      [
        'cp /usr/bin/id a; chmod 6755 a; chmod u+s a; chmod g+s a; install -m 4755 /usr/bin/id b',
        'mkdir d; chmod 2775 d',
        'printf x > c; perl -e \'chmod 06755, "c"\'',
        "node -e \"require('fs').chmodSync('c', 0o4755)\" 2>&1 | grep -m 1 -o EPERM",
        "node -e \"require('fs').writeFileSync('e', 'x', { mode: 0o4755 })\" 2>&1 | grep -m 1 -o EPERM",
        'tar cf t.tar --mode=6755 c; tar xf t.tar; tar xpf t.tar; find . -perm /6000',
      ].join('\n'),
      { task: harness.task('bits', 'bits'), step: 1 },
    );
    expect(stdout).toBe('EPERM\nEPERM\n');
    const found = execFileSync('find', [harness.workspace('bits'), '-perm', '/6000'], { encoding: 'utf8' });
    expect(found).toBe('');
  });
});

describe('locations', () => {
  asRoot('clone, node and workspaces may be below a directory that other users cannot enter', async () => {
    const closed = join(temporaryDirectory(), 'home');
    mkdirSync(closed, { mode: 0o700 });
    for (const name of ['toolbox', 'package', 'bin']) mkdirSync(join(closed, name), { mode: 0o755 });
    writeFileSync(join(closed, 'toolbox', 'hello.mjs'), `import { word } from 'a-package'; console.log(word);`);
    writeFileSync(
      join(closed, 'package', 'package.json'),
      '{ "name": "a-package", "type": "module", "exports": "./index.js" }',
    );
    writeFileSync(join(closed, 'package', 'index.js'), `export const word = 'from the package';`);
    const nodePath = join(closed, 'bin', 'node');
    try {
      linkSync(process.execPath, nodePath);
    } catch {
      copyFileSync(process.execPath, nodePath);
      chmodSync(nodePath, 0o755);
    }
    const options = {
      toolboxDir: join(closed, 'toolbox'),
      extraBinds: [{ source: join(closed, 'package'), target: '/node_modules/a-package' }],
      nodePath,
    };
    const sandbox = await probeSandbox(options);
    expect(sandbox).toMatchObject({ ok: true });
    const inside = await createHarness({ ...options, sandbox, root: join(closed, 'workspaces') });
    expect(await inside.sh('node /toolbox/hello.mjs; command -v node; echo x > made')).toMatchObject({
      stdout: 'from the package\n/opt/node/bin/node\n',
    });
    expect(readFileSync(join(inside.workspace(), 'made'), 'utf8')).toBe('x\n');
  });

  test('a bind over the sandbox’s own mounts is an error at startup', async () => {
    await expect(createHarness({ extraBinds: [{ source: '/usr', target: '/workspace/usr' }] })).rejects.toThrow(
      ToolSetupError,
    );
  });

  asRoot('a directory from --workspace keeps its owner, and commands run as that user', async () => {
    const given = temporaryDirectory();
    chownSync(given, 12_345, 12_345);
    const task = { ...harness.task(), workspace: given, workspaceMarker: await workspaceMarker(given) };
    expect(await harness.sh('id -u; echo x > made', { task, step: 1 })).toMatchObject({ stdout: '12345\n' });
    expect(statSync(join(given, 'made')).uid).toBe(12_345);
    expect(await harness.executor.prepareWorkspace(task)).toBe(given);
  });

  asRoot('the file tools read what the owner of a directory from --workspace may read, not what root may', async () => {
    const given = temporaryDirectory();
    chownSync(given, 12_345, 12_345);
    mkdirSync(join(given, 'closed'), { mode: 0o700 });
    writeFileSync(join(given, 'closed/inner'), 'canary');
    mkdirSync(join(given, 'unlisted'), { mode: 0o711 });
    writeFileSync(join(given, 'unlisted/known'), 'open');
    writeFileSync(join(given, 'db.key'), 'canary', { mode: 0o600 });
    writeFileSync(join(given, 'group.key'), 'canary', { mode: 0o604 });
    chownSync(join(given, 'group.key'), 0, 12_345);
    writeFileSync(join(given, 'own'), 'mine', { mode: 0o400 });
    chownSync(join(given, 'own'), 12_345, 12_345);
    writeFileSync(join(given, 'public'), 'open', { mode: 0o644 });
    symlinkSync('db.key', join(given, 'link'));
    const task = { ...harness.task(), workspace: given, workspaceMarker: await workspaceMarker(given) };
    let step = 0;
    const read = (path: string) => harness.call('workspace_read', { path }, { task, step: (step += 1) });
    const list = (path: string) => harness.call('workspace_list', { path }, { task, step: (step += 1) });
    const byShell = await harness.sh('cat own public unlisted/known; cat db.key group.key link closed/inner', {
      task,
      step: (step += 1),
    });
    expect(byShell.stdout).toBe('mineopenopen');
    for (const path of ['own', 'public', 'unlisted/known']) expect(await read(path)).toMatchObject({ outcome: 'ok' });
    for (const path of ['db.key', 'group.key', 'link', 'closed/inner']) {
      const refused = await read(path);
      expect(refused).toMatchObject({ outcome: 'error', observation: expect.stringMatching(/permission|EACCES/i) });
    }
    for (const path of ['closed', 'unlisted']) expect(await list(path)).toMatchObject({ outcome: 'error' });
    expect(await list('.')).toMatchObject({ outcome: 'ok', observation: expect.stringContaining('db.key') });
  });

  asRoot(
    'a directory from --workspace that root owns gets a new owner if it is empty, else it is refused with the fix',
    async () => {
      const given = temporaryDirectory();
      const task = { ...harness.task(), workspace: given, workspaceMarker: await workspaceMarker(given) };
      expect(await harness.sh('id -u', { task, step: 1 })).toMatchObject({ stdout: `${SANDBOX_ACCOUNT.uid}\n` });
      const full = temporaryDirectory();
      writeFileSync(join(full, 'mine'), 'x');
      const refused = { ...harness.task(), workspace: full, workspaceMarker: await workspaceMarker(full) };
      await expect(harness.executor.prepareWorkspace(refused)).rejects.toMatchObject({
        code: 'workspace',
        message: expect.stringContaining('chown -R'),
      });
    },
  );

  test('the state in a directory from --workspace is hidden from commands', async () => {
    const given = temporaryDirectory();
    if (isRoot) chownSync(given, 12_345, 12_345);
    const task = { ...harness.task('given-task'), workspace: given, workspaceMarker: await workspaceMarker(given) };
    const command =
      'ls -A .ravenhelm; mv .ravenhelm away; rm -rf .ravenhelm; echo x > .ravenhelm/x; ln -s .ravenhelm link; ls -A';
    const result = await harness.sh(command, { task, step: 1 });
    expect(result.stdout).toBe('.ravenhelm\nlink\n');
    expect(existsSync(join(given, '.ravenhelm', 'workspace-id'))).toBe(true);
    const reading = { task, step: 2 };
    expect(await harness.call('workspace_read', { path: '.ravenhelm/workspace-id' }, reading)).toMatchObject({
      outcome: 'refused',
    });
    expect(await harness.call('workspace_read', { path: 'link/workspace-id' }, reading)).toMatchObject({
      outcome: 'refused',
    });
    expect((await harness.call('workspace_list', {}, reading)).observation).not.toContain('.ravenhelm"');
  });

  test('commands neither see nor change the snapshots of their workspace', async () => {
    const given = temporaryDirectory();
    if (isRoot) chownSync(given, 12_345, 12_345);
    const markers = { own: await workspaceMarker(harness.root), given: await workspaceMarker(given) };
    for (const [base, task] of [
      [harness.root, { ...harness.task('kept'), workspaceMarker: markers.own }],
      [given, { ...harness.task('given'), workspace: given, workspaceMarker: markers.given }],
    ] as const) {
      await harness.sh('echo mine > mine.txt', { task, step: 1 });
      const signal = new AbortController().signal;
      // The mission's own workspace has files of other tests as well.
      const taken = await harness.executor.takeSnapshot(task, 1, 'settled', signal);
      expect(taken?.wave).toBe(1);
      expect(taken?.files).toBeGreaterThanOrEqual(1);
      const command =
        'find / -name "wave-*.json" -o -path "*/snapshots/*/objects" 2>/dev/null | grep -v ^/proc; ' +
        `ls -R ../.ravenhelm .ravenhelm ${base} | grep snapshots; rm -rf .ravenhelm/* ../.ravenhelm/*; true`;
      expect((await harness.sh(command, { task, step: 2 })).stdout).toBe('');
      const list = join(base, '.ravenhelm/snapshots/m1/wave-1.json');
      expect(existsSync(list)).toBe(true);
      expect(statSync(list).mode & 0o777).toBe(0o600);
      expect((await harness.executor.takeSnapshot(task, 1, 'settled', signal))?.digest).toBe(taken?.digest);
      await harness.executor.noteSnapshot(task, 1);
      expect(await harness.executor.takeSnapshot(task, 1, 'settled', signal)).toBeNull();
    }
  });
});

describe('the marker', () => {
  test('is created once, also by two concurrent processes', async () => {
    const root = temporaryDirectory();
    const markers = await Promise.all(Array.from({ length: 8 }, () => workspaceMarker(root)));
    expect(new Set(markers).size).toBe(1);
  });

  test('of another root makes the workspace unusable; the message names both ids', async () => {
    const task = { ...harness.task(), workspaceMarker: '00000000-0000-4000-8000-000000000000' };
    const attempts = [
      () => harness.executor.prepareWorkspace(task),
      () => harness.executor.checkWorkspace(task),
      () => harness.call('execute_terminal_command', { command: 'true' }, { task }),
      () => harness.executor.takeFence(task, 1, never),
    ];
    for (const attempt of attempts) {
      await expect(attempt()).rejects.toMatchObject({
        code: 'workspace',
        message: expect.stringContaining('00000000-0000-4000-8000-000000000000'),
      });
    }
  });

  test('is never created by a worker: a root without one is unusable', async () => {
    const given = temporaryDirectory();
    await expect(harness.executor.prepareWorkspace({ ...harness.task(), workspace: given })).rejects.toMatchObject({
      code: 'workspace',
      message: expect.stringContaining('no marker'),
    });
  });

  test.each([
    ['../../etc', 't'],
    ['m1', '../x'],
    ['.ravenhelm', 't'],
    ['', 't'],
  ])('ids that cannot be directory names are refused: %j %j', async (missionId, taskId) => {
    await expect(harness.executor.prepareWorkspace({ ...harness.task(), missionId, taskId })).rejects.toMatchObject({
      code: 'workspace',
    });
  });

  test('looking whether a workspace can be used makes none; what was right is not looked at again', async () => {
    const task = harness.task('t', 'looked-at');
    await harness.executor.checkWorkspace(task);
    expect(existsSync(harness.workspace('looked-at'))).toBe(false);
    expect(existsSync(join(harness.root, '.ravenhelm/runs/looked-at'))).toBe(false);
    const marker = join(harness.root, '.ravenhelm/workspace-id');
    const text = readFileSync(marker);
    rmSync(marker);
    try {
      await harness.executor.checkWorkspace(task);
      // A call looks for itself.
      await expect(harness.sh('true', { task, step: 1 })).rejects.toMatchObject({ code: 'workspace' });
      expect(existsSync(harness.workspace('looked-at'))).toBe(false);
    } finally {
      writeFileSync(marker, text);
    }
    expect(await harness.sh('pwd', { task, step: 1 })).toMatchObject({ outcome: 'ok' });
    expect(existsSync(harness.workspace('looked-at'))).toBe(true);
  });

  test('one that cannot be used is looked at again', async () => {
    const given = temporaryDirectory();
    const marker = join(given, '.ravenhelm/workspace-id');
    const task = { ...harness.task(), workspace: given, workspaceMarker: await workspaceMarker(given) };
    const text = readFileSync(marker);
    rmSync(marker);
    await expect(harness.executor.checkWorkspace(task)).rejects.toMatchObject({ code: 'workspace' });
    writeFileSync(marker, text);
    await harness.executor.checkWorkspace(task);
  });

  test('a directory from --workspace that is missing or contains other missions is unusable', async () => {
    await expect(
      harness.executor.prepareWorkspace({ ...harness.task(), workspace: '/no/such/place' }),
    ).rejects.toMatchObject({ code: 'workspace' });
    await expect(
      harness.executor.prepareWorkspace({ ...harness.task(), workspace: harness.root }),
    ).rejects.toMatchObject({ code: 'workspace' });
  });
});

describe('without a usable sandbox', () => {
  const broken = {
    ok: false,
    reason: 'bwrap is not installed',
    fix: 'Install it: apt-get install -y bubblewrap',
  } as const;

  test('commands, writes and checks are refused with the fix; reading still works', async () => {
    const without = await createHarness({ sandbox: broken });
    for (const outcome of [
      await without.call('execute_terminal_command', { command: 'touch x' }),
      await without.call('workspace_write', { path: 'x', content: 'x' }),
    ]) {
      expect(outcome).toMatchObject({
        outcome: 'refused',
        exitCode: null,
        observation: expect.stringContaining('apt-get install -y bubblewrap'),
      });
    }
    const checks = await without.executor.runChecks(
      { task: without.task(), step: 9, claimOffset: 1, timeLimitMs: 1000, checks: [{ name: 'any', command: 'true' }] },
      never,
    );
    expect(checks).toMatchObject({
      passed: false,
      results: [{ exit_code: -1 }],
      observation: expect.stringContaining('apt-get install -y bubblewrap'),
    });
    expect(existsSync(join(without.workspace(), 'x'))).toBe(false);
    expect(await without.call('workspace_list', {})).toMatchObject({ outcome: 'ok' });
  });

  test('the probe reports the reason and what to do', async () => {
    const probe = await probeSandbox({ toolboxDir: null, extraBinds: [], nodePath: '/bin/false' });
    expect(probe).toMatchObject({
      ok: false,
      reason: 'node does not run in it',
      fix: expect.stringContaining('--sandbox off'),
    });
  });

  test('a sandbox that stops working later leaves no process and reports it', async () => {
    const root = temporaryDirectory();
    const vanishing = temporaryDirectory();
    const later = await createHarness({ root, extraBinds: [{ source: vanishing, target: '/vanishing' }] });
    execFileSync('rmdir', [vanishing]);
    const outcome = await later.call('execute_terminal_command', { command: 'touch x' });
    expect(outcome).toMatchObject({ outcome: 'refused', exitCode: null });
    expect(outcome.observation).toContain('bwrap');
    expect(existsSync(join(later.workspace(), 'x'))).toBe(false);
  });
});

test('the sandbox of this computer is described', async () => {
  expect(await usableSandbox()).toMatchObject({
    ok: true,
    mode: isRoot ? 'root' : 'user',
    version: expect.stringMatching(/^\d+\.\d+/),
  });
});
