import { SIZES } from '../../src/domain/sizes.js';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createHarness, never, removeTemporaryDirectories, temporaryDirectory, type Harness } from './harness.js';

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
  await harness.executor.prepareWorkspace(harness.task());
});
afterAll(removeTemporaryDirectories);

const write = (path: string, content: string, mode?: string) =>
  harness.call('workspace_write', { path, content, ...(mode === undefined ? {} : { mode }) });
const read = (path: string, range: object = {}) => harness.call('workspace_read', { path, ...range });
const list = (path: string) => harness.call('workspace_list', { path });
const inWorkspace = (path: string) => join(harness.workspace(), path);

describe('execute_terminal_command', () => {
  test('returns the exit code and both outputs of a command in the workspace', async () => {
    const result = await harness.sh('pwd; echo problem >&2; exit 3');
    expect(result).toMatchObject({
      outcome: 'error',
      exitCode: 3,
      exit_code: 3,
      stdout: '/workspace\n',
      stderr: 'problem\n',
      success: false,
    });
  });

  test('runs in a working directory of the workspace', async () => {
    await harness.sh('mkdir -p deep/er');
    const outcome = await harness.call('execute_terminal_command', { command: 'pwd', working_dir: 'deep/er' });
    expect(JSON.parse(outcome.observation)).toMatchObject({ stdout: '/workspace/deep/er\n', success: true });
  });

  test('kills a command at its timeout, with exit code 124 and a note', async () => {
    const outcome = await harness.call('execute_terminal_command', { command: 'echo started; sleep 60', timeout: 0.3 });
    expect(outcome).toMatchObject({ outcome: 'error', exitCode: 124 });
    expect(JSON.parse(outcome.observation)).toMatchObject({
      stdout: 'started\n',
      note: expect.stringContaining('time limit of 0.3 s'),
    });
  });

  test('keeps what a command wrote before it opened /dev/stderr again', async () => {
    expect(await harness.sh('echo one >&2; echo two >/dev/stderr; echo three >&2')).toMatchObject({
      stderr: 'one\ntwo\nthree\n',
    });
  });

  test.each([
    'ls -la',
    'cat README.md | head -20',
    'mkdir -p out && echo ok > out/a.txt && cat out/a.txt',
    "find . -name '*.txt' -type f",
    'node app.js',
    'git init -q r && cd r && git status --short',
    'echo "price: $((2*21))"',
    'sort README.md | uniq -c | sort -rn | head -5',
    'cp README.md copy.md && diff README.md copy.md',
    'tar czf out.tgz README.md && tar tzf out.tgz',
    'awk "{print}" README.md',
    'openssl rand -hex 4',
    'ls 2>&1 | head -3',
    'echo x | tee /dev/stderr',
  ])('ordinary work is possible inside: %s', async (command) => {
    await write('README.md', '# hello\n');
    await write('app.js', 'console.log(1)\n');
    expect(await harness.sh(command)).toMatchObject({ outcome: 'ok', success: true });
  });

  test('refuses invalid arguments, with the reason', async () => {
    expect(await harness.call('execute_terminal_command', { cmd: 'ls' })).toMatchObject({
      outcome: 'refused',
      exitCode: null,
      observation: expect.stringContaining('command'),
    });
    expect(await harness.call('execute_terminal_command', { command: 'ls', working_dir: '../..' })).toMatchObject({
      outcome: 'refused',
      observation: expect.stringContaining('leaves the workspace'),
    });
  });

  test('refuses a tool that does not exist', async () => {
    expect(await harness.call('approve_command', {})).toMatchObject({
      outcome: 'refused',
      observation: 'there is no tool approve_command',
    });
  });
});

describe('workspace_write, workspace_read and workspace_list', () => {
  test('write, append, read by lines and list', async () => {
    expect(await write('notes/a.txt', 'one\ntwo\n')).toMatchObject({
      outcome: 'ok',
      observation: expect.stringContaining('"bytes":8'),
    });
    expect(await write('./notes//a.txt', 'three', 'append')).toMatchObject({ outcome: 'ok' });
    const part = await read('notes/a.txt', { start_line: 2, end_line: 3 });
    expect(JSON.parse(part.observation)).toMatchObject({
      start_line: 2,
      end_line: 3,
      total_lines: 3,
      content: 'two\nthree',
    });
    const listed = await list('notes');
    expect(JSON.parse(listed.observation)).toEqual({
      path: 'notes',
      entries: [{ name: 'a.txt', type: 'file', bytes: 13 }],
      truncated: false,
    });
  });

  test('overwriting keeps a file private and executable', async () => {
    await harness.sh('echo x > secret; chmod 700 secret');
    await write('secret', 'y');
    expect(statSync(inWorkspace('secret')).mode & 0o777).toBe(0o700);
    expect(readFileSync(inWorkspace('secret'), 'utf8')).toBe('y');
  });

  test('the largest content is written unchanged', async () => {
    const content = 'äöü€\n'.repeat(Math.floor(SIZES.content / 11));
    expect(await write('big.txt', content)).toMatchObject({ outcome: 'ok' });
    expect(readFileSync(inWorkspace('big.txt'), 'utf8')).toBe(content);
  });

  test('a missing file is an error; a range beyond the end is refused', async () => {
    expect(await read('absent.txt')).toMatchObject({ outcome: 'error', observation: 'no such file or directory' });
    expect(await read('%2e%2e/%2e%2e/etc/passwd')).toMatchObject({ outcome: 'error' });
    await write('short.txt', 'one\n');
    expect(await read('short.txt', { start_line: 9 })).toMatchObject({
      outcome: 'refused',
      observation: 'short.txt has 1 lines',
    });
  });

  test('one long line is read in part, marked, and the advice reads the rest', async () => {
    const begin = 'x'.repeat(20_000);
    await harness.sh(`{ echo first; printf %s ${begin}; printf %s ${begin}; echo; } > "it's long.txt"`);
    const { content, ...facts } = JSON.parse((await read("it's long.txt")).observation);
    expect(facts).toMatchObject({ total_lines: 2, truncated: true });
    const advice = /sed -n .* \| cut -c 1-8000/.exec(content)?.[0] ?? '';
    const rest = await harness.sh(advice.replace('1-8000', '39990-40100'));
    expect(JSON.parse(rest.observation)).toMatchObject({ exit_code: 0, stdout: `${'x'.repeat(11)}\n` });
  });

  test('many lines are read in part, marked, and the advice is to read fewer', async () => {
    await harness.sh('seq 1 9000 > numbers.txt');
    const { content, truncated } = JSON.parse((await read('numbers.txt')).observation);
    expect(truncated).toBe(true);
    expect(content).toContain('with start_line and end_line');
    const part = JSON.parse((await read('numbers.txt', { start_line: 4000, end_line: 4002 })).observation);
    expect(part).toMatchObject({ content: '4000\n4001\n4002\n', truncated: false });
  });

  test('a sparse file of a terabyte is read up to the limit and marked as truncated', async () => {
    await write('sparse', '');
    truncateSync(inWorkspace('sparse'), 2 ** 40);
    const outcome = await read('sparse');
    expect(Buffer.byteLength(outcome.observation)).toBeLessThanOrEqual(16 * 1024);
    expect(JSON.parse(outcome.observation)).toMatchObject({ truncated: true, total_lines: null });
  });

  test('a list of thousands of entries is truncated and marked', async () => {
    await harness.sh('mkdir many && cd many && seq 1 3000 | xargs touch');
    const outcome = await list('many');
    expect(JSON.parse(outcome.observation)).toMatchObject({ truncated: true });
    expect(Buffer.byteLength(outcome.observation)).toBeLessThanOrEqual(16 * 1024);
  });

  test('more than a record of the log takes are refused, with what to do', async () => {
    expect(await write('escaped.bin', '\n'.repeat(400_000))).toMatchObject({ outcome: 'refused' });
    expect(await write('big.bin', 'A'.repeat(SIZES.content + 1))).toMatchObject({
      outcome: 'refused',
      observation: expect.stringContaining('write it in parts'),
    });
  });

  test('the worker can read what commands wrote, whatever the file mode', async () => {
    await harness.sh('echo hidden > .env; chmod 600 .env');
    expect(JSON.parse((await read('.env')).observation)).toMatchObject({ content: 'hidden\n' });
  });
});

describe('paths cannot leave the workspace', () => {
  test.each([
    '../outside.txt',
    '/etc/passwd',
    'a/../../outside.txt',
    'ws-evil/../../ws-evil/f',
    '~/.ssh/id_rsa',
    '~root/x',
    'null\0.txt',
    '',
    '.',
    '/workspace/../etc/passwd',
    '/outputs/../lock',
    `${'n'.repeat(256)}`,
  ])('reading and writing %j is refused', async (path) => {
    expect(await read(path)).toMatchObject({ outcome: 'refused' });
    expect(await write(path, 'x')).toMatchObject({ outcome: 'refused' });
  });

  test('reading and listing do not follow links that lead out', async () => {
    await harness.sh(
      'ln -s /etc etc-link; ln -s ../../../../etc/passwd up-link; ' +
        'ln -s loop-b loop-a; ln -s loop-a loop-b; ln -s / root-link',
    );
    for (const path of ['etc-link/hostname', 'up-link', 'loop-a', 'root-link/etc/passwd'])
      expect(await read(path)).toMatchObject({ outcome: 'refused' });
    expect(await list('root-link')).toMatchObject({ outcome: 'refused' });
  });

  test('links within the workspace are followed', async () => {
    await harness.sh(
      'mkdir -p releases/1; echo here > releases/1/f; ' +
        'ln -s releases/1 current; ln -s /workspace/releases abs; ln -s ../1/f releases/1/again',
    );
    for (const path of ['current/f', 'abs/1/f', 'current/again', '/workspace/current/f'])
      expect(JSON.parse((await read(path)).observation)).toMatchObject({ content: 'here\n' });
  });

  test('writing replaces a link, never its target', async () => {
    const outside = join(temporaryDirectory(), 'target');
    writeFileSync(outside, 'untouched');
    symlinkSync(outside, inWorkspace('leaf'));
    symlinkSync(`${outside}-dangling`, inWorkspace('dangling'));
    expect(await write('leaf', 'new')).toMatchObject({ outcome: 'ok' });
    expect(await write('dangling', 'new')).toMatchObject({ outcome: 'ok' });
    expect(await write('up-link', 'more', 'append')).toMatchObject({ outcome: 'refused' });
    expect(readFileSync(outside, 'utf8')).toBe('untouched');
    expect(readFileSync(inWorkspace('dangling'), 'utf8')).toBe('new');
    expect(() => statSync(`${outside}-dangling`)).toThrow();
  });

  test('writing through a directory link that leads out is refused', async () => {
    await harness.sh('ln -s /tmp tmp-link');
    expect(await write('tmp-link/x', 'x')).toMatchObject({ outcome: 'refused' });
    expect(await write('etc-link/x', 'x')).toMatchObject({ outcome: 'refused' });
  });

  test('a directory that is replaced by a link during a read leaks nothing', async () => {
    const outside = temporaryDirectory();
    writeFileSync(join(outside, 'f'), 'SECRET');
    mkdirSync(inWorkspace('swap'), { recursive: true });
    writeFileSync(inWorkspace('swap/f'), 'fine');
    const script = [
      'cd "$1"; ln -s "$2" evil; i=0',
      'while [ $i -lt 100 ]; do',
      '  mv -T swap kept; mv -T evil swap; mv -T swap evil; mv -T kept swap; i=$((i+1))',
      'done',
    ].join('\n');
    const flipping = import('node:child_process').then(
      ({ spawn }) =>
        new Promise((resolve) =>
          spawn('sh', ['-c', script, 'sh', harness.workspace(), outside], { stdio: 'ignore' }).once('exit', resolve),
        ),
    );
    let done = false;
    void flipping.then(() => (done = true));
    const seen = new Set<string>();
    while (!done) {
      const outcome = await read('swap/f');
      seen.add(outcome.outcome === 'ok' ? JSON.parse(outcome.observation).content : outcome.outcome);
    }
    expect([...seen]).not.toContain('SECRET');
    expect([...seen]).toContain('fine');
  });

  test('a named pipe does not block the worker', async () => {
    execFileSync('mkfifo', [inWorkspace('pipe')]);
    chmodSync(inWorkspace('pipe'), 0o666);
    expect(await read('pipe')).toMatchObject({ outcome: 'refused', observation: 'pipe is not a regular file' });
    expect(await write('pipe', 'x', 'append')).toMatchObject({ outcome: 'refused' });
  });

  test.each([
    '.git/hooks/pre-commit',
    'sub/.git/config',
    '.git/info/attributes',
    'sub/.git',
    '.GIT/hooks/pre-commit',
    '.npmrc',
    'a/.NpmRC',
    '.yarnrc.yml',
    '.gitmodules',
    '.envrc',
    '.vscode/tasks.json',
    '.husky/pre-commit',
    'a/.ravenhelm/x',
  ])('%s is reserved', async (path) => {
    expect(await write(path, 'x')).toMatchObject({
      outcome: 'refused',
      observation: expect.stringContaining('reserved'),
    });
  });

  test('a reserved name is reserved through a link too', async () => {
    await harness.sh(
      'mkdir -p linked/.git/hooks linked/.VSCODE; cd linked; ln -s .git gg; ln -s .git/hooks h; ln -s .VSCODE v',
    );
    const paths = ['gg/config', 'h/pre-commit', 'gg/hooks/pre-commit', 'v/tasks.json', 'gg/new/x', 'h/a/b/x'];
    for (const path of paths.map((name) => `linked/${name}`))
      for (const mode of ['overwrite', 'append'])
        expect(await write(path, 'x', mode)).toMatchObject({
          outcome: 'refused',
          observation: expect.stringContaining('reserved'),
        });
    const found = await harness.sh('find linked -mindepth 1 | sort');
    const made = ['.VSCODE', '.git', '.git/hooks', 'gg', 'h', 'v'].map((name) => `linked/${name}\n`);
    expect(found).toMatchObject({ stdout: made.join(''), success: true });
    expect(await write('linked/gitignore', 'x')).toMatchObject({ outcome: 'ok' });
    expect(await write('linked/.gitignore', 'x')).toMatchObject({ outcome: 'ok' });
  });
});

describe('definitions', () => {
  const definition = (name: string) => harness.executor.definitions().find((tool) => tool.name === name);

  test('there are four tools with JSON Schemas whose defaults are optional', () => {
    expect(harness.executor.definitions().map((tool) => tool.name)).toEqual([
      'execute_terminal_command',
      'workspace_read',
      'workspace_write',
      'workspace_list',
    ]);
    expect(definition('execute_terminal_command')?.parameters).toMatchObject({
      type: 'object',
      required: ['command'],
      additionalProperties: false,
    });
  });

  test('reading, listing and overwriting are idempotent; appending and commands are not', () => {
    expect(definition('workspace_read')?.idempotent({})).toBe(true);
    expect(definition('workspace_list')?.idempotent({})).toBe(true);
    expect(definition('workspace_write')?.idempotent({ mode: 'overwrite' })).toBe(true);
    expect(definition('workspace_write')?.idempotent({})).toBe(true);
    expect(definition('workspace_write')?.idempotent({ mode: 'append' })).toBe(false);
    expect(definition('execute_terminal_command')?.idempotent({ command: 'true' })).toBe(false);
  });

  test('validation names the wrong argument', () => {
    expect(definition('workspace_read')?.validate({ path: 'a', start_line: 0 })).toContain('start_line');
    expect(definition('workspace_read')?.validate({ path: 'a' })).toBeNull();
  });
});

test('an aborted signal stops a read', async () => {
  const aborted = AbortSignal.abort(new Error('drain'));
  expect(await harness.call('workspace_read', { path: 'README.md' }, {}, aborted)).toMatchObject({
    outcome: 'aborted',
  });
  expect(never.aborted).toBe(false);
});
