import { once } from 'node:events';
import { createServer } from 'node:http';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe, startInPipe } from './support/ravenhelm.js';

let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

const sandbox = (...args: readonly string[]) => runInPipe(clone, ['--sandbox', 'on', 'sandbox', ...args]);

test('a command gives its outputs and its exit code, and leaves nothing behind', async () => {
  const ended = await sandbox('exec', '--', 'pwd; echo x > f; ls; echo oops >&2; exit 3');
  expect(ended).toMatchObject({ code: 3, stdout: '/workspace\nf\n', stderr: 'oops\n' });
  const root = join(clone.dir, '.ravenhelm/workspaces');
  expect(readdirSync(root)).toEqual(['.ravenhelm']);
  expect(readdirSync(join(root, '.ravenhelm/runs'))).toEqual([]);
});

test('several words are a program and its arguments; --json prints a document and ends with 0', async () => {
  const { code, stdout } = await sandbox(
    'exec',
    '--json',
    '--',
    'sh',
    '-c',
    `printf '%s|' "$@"; exit 4`,
    'sh',
    `it's`,
    '$HOME',
  );
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    decision: 'allow',
    rule: 'default',
    outcome: 'error',
    exit_code: 4,
    stdout: `it's|$HOME|`,
    stderr: '',
    timed_out: false,
    killed: false,
    limit: null,
    duration_ms: expect.any(Number),
    connections: [],
  });
});

test('calls on standard input are steps of one task in the given workspace, one result a line', async () => {
  const workspace = join(clone.dir, 'given');
  mkdirSync(workspace);
  const running = startInPipe(
    clone,
    ['sandbox', 'tool', '--json', '--workspace', 'given', '-'],
    {},
    [
      { tool: 'workspace_write', arguments: { path: 'a', content: 'x' } },
      { tool: 'workspace_read', arguments: { path: '/etc/passwd' } },
      { tool: 'execute_terminal_command', arguments: { command: 'cat a; sleep 100', timeout: 0.5 } },
      { tool: 'no_such_tool', arguments: {} },
    ]
      .map((call) => `${JSON.stringify(call)}\n`)
      .join(''),
  );
  const { code, stdout } = await running.ended();
  expect(code).toBe(0);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { outcome: 'ok', exit_code: 0 },
    { outcome: 'refused', exit_code: null, stderr: '/etc/passwd is outside the workspace; use paths relative to it' },
    { outcome: 'error', exit_code: 124, stdout: 'x', timed_out: true, killed: true },
    { decision: 'allow', outcome: 'refused', stderr: 'there is no tool no_such_tool' },
  ]);
  expect(readFileSync(join(workspace, 'a'), 'utf8')).toBe('x');
  expect(existsSync(join(workspace, '.ravenhelm/runs'))).toBe(true);
  expect(readdirSync(join(workspace, '.ravenhelm/runs'))).toEqual([]);
});

test('the key of a workspace is there for an agent that names it, and goes with the workspace', async () => {
  const file = join(clone.dir, 'agents/second_agent.md');
  writeFileSync(file, readFileSync(file, 'utf8').replace('max_steps:', 'secrets_key: true\nmax_steps:'));
  const look = (...args: readonly string[]) => sandbox('exec', ...args, '--', 'wc -c < /keys/secrets.key');
  expect(await look('--agent', 'second_agent')).toMatchObject({ code: 0, stdout: '65\n' });
  for (const without of [['--agent', 'first_agent'], []])
    expect(await look(...without)).toMatchObject({ stdout: '', stderr: expect.stringContaining('/keys/secrets.key') });
  const root = join(clone.dir, '.ravenhelm/workspaces/.ravenhelm/workspace-keys');
  expect(readdirSync(join(root, 'missions'))).toEqual([]);

  mkdirSync(join(clone.dir, 'keyed'));
  const digest = () =>
    sandbox('exec', '--agent', 'second_agent', '--workspace', 'keyed', '--', 'sha256sum "$KEYS"/secrets.key');
  const [first, second] = [await digest(), await digest()];
  expect(first.stdout).toMatch(/^[0-9a-f]{64} {2}\/keys/);
  expect(second.stdout).toBe(first.stdout);
  expect(readdirSync(join(root, 'directories'))).toHaveLength(1);
});

test('the secrets of an agent are there for its calls, are redacted, and must be given', async () => {
  const file = join(clone.dir, 'agents/second_agent.md');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace('max_steps:', 'secrets: [DEPLOY_PIN]\nmax_steps:'));
  const look = (env: Record<string, string>) =>
    runInPipe(
      clone,
      [
        '--sandbox',
        'on',
        'sandbox',
        'exec',
        '--agent',
        'second_agent',
        '--',
        'cat /run/secrets/DEPLOY_PIN; env | grep PIN',
      ],
      env,
    );
  expect(await look({ DEPLOY_PIN: 'canary-pin-1234' })).toMatchObject({
    code: 1,
    stdout: '[redacted: configured secret]',
  });
  const why = 'the secret DEPLOY_PIN is not set; set the variable DEPLOY_PIN, or DEPLOY_PIN_FILE to a file that has it';
  const without = await look({});
  expect(without).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(why) });

  // The worker says it at its start, and the agent's task fails with it before its first step; others run.
  const run = await runInPipe(clone, ['--sandbox', 'on', 'run', 'missions/quick.yaml', '--log', 'memory']);
  expect(run.code).toBe(1);
  expect(run.stdout).toContain(`Tasks of second_agent fail here: ${why}`);
  expect(run.stdout).toContain(`This worker cannot give what the agent's file names: ${why}`);
  writeFileSync(file, before);
});

test('the policy judges each call, as in a worker', async () => {
  const denied = await sandbox('exec', '--json', '--', 'echo ran > ran; curl http://127.0.0.1:1/');
  expect(denied.code).toBe(0);
  expect(JSON.parse(denied.stdout)).toMatchObject({
    decision: 'deny',
    rule: 'network-clients',
    outcome: 'refused',
    exit_code: null,
    stderr: expect.stringContaining('the policy denies it by the rule network-clients'),
  });
  const asked = await sandbox('exec', '--json', '--', '$PROGRAM x');
  expect(JSON.parse(asked.stdout)).toMatchObject({ decision: 'ask', rule: 'cannot-be-read', outcome: 'refused' });

  const forPeople = await sandbox('exec', '--', 'sudo id');
  expect(forPeople).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('other-rights') });

  const own = join(clone.dir, 'all.yaml');
  writeFileSync(own, 'default: allow\n');
  const allowed = await runInPipe(clone, ['--policy', own, 'sandbox', 'exec', '--', 'sudo -n true || echo tried']);
  expect(allowed).toMatchObject({ code: 0, stdout: 'tried\n' });
});

test('content of strangers taints the calls after the first one, and with --tainted the first one too', async () => {
  mkdirSync(join(clone.dir, 'strange'));
  const write = { tool: 'execute_terminal_command', arguments: { command: 'echo x > .envrc' } };
  const calls = `${JSON.stringify(write)}\n`.repeat(2);
  const verdicts = async (...args: readonly string[]) => {
    const ended = await startInPipe(clone, ['sandbox', 'tool', '--json', ...args, '-'], {}, calls).ended();
    const results = ended.stdout.trim().split('\n');
    return results.map((line) => JSON.parse(line)).map(({ decision, rule }) => `${decision} ${rule}`);
  };
  const asked = 'ask tainted-startup-files';
  expect(await verdicts('--workspace', 'strange')).toEqual(['allow default', asked]);
  expect(await verdicts()).toEqual(['allow default', 'allow default']);
  expect(await verdicts('--tainted')).toEqual([asked, asked]);
});

test('--sandbox off is said by the banner, each event, the report and its JSON', async () => {
  const run = ['--sandbox', 'off', 'run', 'missions/quick.yaml', '--log', 'memory'];
  const { code, stdout } = await runInPipe(clone, run);
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines.filter((line) => line.startsWith('Sandbox: off'))).toHaveLength(1);
  expect(lines.filter((line) => line.startsWith('sandbox: off; the commands of 3 of 3 tasks'))).toHaveLength(1);
  const events = lines.filter((line) => /^(task|wave|plan|mission)_\w+ \| /.test(line));
  expect(events.length).toBeGreaterThan(10);
  expect(events.map((line) => line.split(' ')[0])).toContain('mission_requested');
  expect(events.filter((line) => !line.endsWith(' | sandbox off'))).toEqual([]);
  const json = await runInPipe(clone, [...run, '--json']);
  expect(JSON.parse(json.stdout)).toMatchObject({ sandbox_off: true, tasks: [{ sandbox_off: true }, {}, {}] });
  const confined = await runInPipe(clone, ['--sandbox', 'on', ...run.slice(2), '--json']);
  expect(JSON.parse(confined.stdout)).toMatchObject({ sandbox_off: false, tasks: [{ sandbox_off: false }, {}, {}] });
});

test("with --agent the agent's limits hold, and the result names the one that was reached", async () => {
  const path = join(clone.dir, 'agents/first_agent.md');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('---\n', '---\nlimits: { file_mb: 1, tmp_mb: 2 }\n'));
  const command = 'head -c 3000000 /dev/zero > big';
  const { stdout } = await sandbox('exec', '--json', '--agent', 'first_agent', '--', command);
  expect(JSON.parse(stdout)).toMatchObject({ exit_code: 153, limit: 'file_size', timed_out: false, killed: false });
  const forPeople = await sandbox('exec', '--agent', 'first_agent', '--', 'df -m /tmp | tail -1; sleep 5 & ' + command);
  expect(forPeople).toMatchObject({ code: 153, stdout: expect.stringMatching(/^tmpfs +2 /) });
  expect(forPeople.stderr).toContain('the limit file_size was reached\n');
  writeFileSync(path, text);
});

test("with --agent the agent's network holds, and the result has its connections", async () => {
  const server = createServer((_request, response) => response.end('hello\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  const path = join(clone.dir, 'agents/first_agent.md');
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace('---\n', `---\nnetwork: [localhost:${port}]\n`));
  try {
    const command = `curl -s http://localhost:${port}/; curl -s http://evil.example/`;
    const { stdout } = await sandbox('exec', '--json', '--agent', 'first_agent', '--', command);
    const { connections, ...result } = z.looseObject({ connections: z.array(z.unknown()) }).parse(JSON.parse(stdout));
    expect(result).toMatchObject({
      decision: 'allow',
      exit_code: 0,
      stdout: expect.stringMatching(/^hello\nThis agent may not reach that host and port/),
    });
    // In the order in which they end: the first may be closed after the second was refused.
    const ended = {
      host: 'localhost',
      port,
      address: '127.0.0.1',
      outcome: 'ended',
      bytes_received: expect.any(Number),
    };
    const refused = { host: 'evil.example', port: 80, address: null, outcome: 'refused', bytes_sent: 0 };
    expect(connections).toHaveLength(2);
    expect(connections).toEqual(
      expect.arrayContaining([expect.objectContaining(ended), expect.objectContaining(refused)]),
    );
    const forPeople = await sandbox('exec', '--agent', 'first_agent', '--', command);
    expect(forPeople.stderr).toBe("network: evil.example:80 refused: not in the agent's network\n");
    const asked = await sandbox(
      'exec',
      '--json',
      '--agent',
      'first_agent',
      '--',
      `curl -d x http://localhost:${port}/`,
    );
    expect(JSON.parse(asked.stdout)).toMatchObject({ decision: 'ask', rule: 'network-requests', outcome: 'refused' });
    const without = await sandbox('exec', '--json', '--agent', 'second_agent', '--', `curl http://localhost:${port}/`);
    expect(JSON.parse(without.stdout)).toMatchObject({ decision: 'deny', rule: 'network-clients' });
    const explained = await runInPipe(clone, ['policy', 'explain', '--agent', 'first_agent', '--', 'curl http://a/']);
    expect(explained.stdout).toMatch(/^allow /);
  } finally {
    writeFileSync(path, text);
    server.close();
  }
});

test('--sandbox off is refused with NODE_ENV=production', async () => {
  const off = ['--sandbox', 'off', 'sandbox', 'exec', '--', 'id'];
  const refused = await runInPipe(clone, off, { NODE_ENV: 'production' });
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('NODE_ENV=production') });
  expect(await runInPipe(clone, off, { NODE_ENV: 'test' })).toMatchObject({ code: 0 });
});

test('wrong use ends with 2 and says what to give', async () => {
  for (const [args, text] of [
    [['tool', '--json', 'ls'], 'the call is not JSON'],
    [['tool', '--json', '{"tool":"x"}'], 'arguments'],
    [['exec', '--agent', 'qick', '--', 'id'], 'there is no agent qick'],
    [['exec'], "missing required argument 'command'"],
    [['exec', '--workspace', '/proc/x', '--', 'id'], '/proc/x'],
  ] as const) {
    const { code, stdout, stderr } = await sandbox(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(text);
  }
});
