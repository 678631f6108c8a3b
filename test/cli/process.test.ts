import { until } from '../contract/until.js';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { MEMORY, runInPipe, startInPipe, startOnTerminal, UNREACHABLE } from './support/ravenhelm.js';
import { createTestTerminal } from './support/terminal.js';

/** The built program as a process, on the in-memory log: in a pipe and on a pseudo-terminal. */
let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
});
afterAll(() => clone.remove());

/** What a person sees at the end: output of a pseudo-terminal put on a screen. */
function screenOf(output: string, columns = 100, rows = 30): string {
  const screen = createTestTerminal(columns, rows);
  screen.write(output);
  return screen.text();
}

/** Exit code and signal of a container's health check. */
function askHealth(path: string, address: string, env: Readonly<Record<string, string>> = {}): Promise<unknown[]> {
  const program = [join(clone.dir, 'bin/health.js'), path];
  return once(spawn(process.execPath, program, { env: { RAVENHELM_HTTP: address, ...env } }), 'exit');
}

describe('--http', () => {
  test('serves how the process is while it runs, and a container can ask with bin/health.js', async () => {
    const run = startInPipe(clone, ['run', 'missions/slow.yaml', '--workspace', 'watched', '--http', '0', ...MEMORY]);
    await run.shows('/readyz, /metrics');
    const [, url = ''] = /health: (\S+)\/livez/.exec(run.stdout()) ?? [];
    await until('the slow step to run', () => existsSync(join(clone.dir, 'watched/first_agent.started')));
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /ravenhelm_held_partitions\{topic="ravenhelm\.squad\.tasks\.first_agent"\} \d/,
    );
    const ask = (path: string, port: string) => askHealth(path, `0.0.0.0:${port}`);
    expect(await ask('readyz', new URL(url).port)).toEqual([0, null]);
    expect(await ask('nothing', new URL(url).port)).toEqual([1, null]);
    expect(await ask('livez', '9')).toEqual([1, null]);
    expect((await run.ended()).code).toBe(0);
    expect(run.stdout().match(/^Limits: by .*/gm)).toHaveLength(1);
  });

  test('on an address that other computers can reach needs a token, which bin/health.js sends too', async () => {
    const RAVENHELM_HTTP_TOKEN = '0123456789abcdef0123456789abcdef';
    const args = ['run', 'missions/slow.yaml', '--workspace', 'reachable', '--http', '0.0.0.0:0', ...MEMORY];
    const { code, stderr } = await runInPipe(clone, args);
    expect(stderr).toContain('RAVENHELM_HTTP is 0.0.0.0:0 (from --http), which other computers can reach');
    expect(stderr).toContain('Set RAVENHELM_HTTP_TOKEN to at least 32 letters');
    expect(code).toBe(2);

    const run = startInPipe(clone, args, { RAVENHELM_HTTP_TOKEN });
    await run.shows('a bearer token is needed');
    const [, port = ''] = /health: http:\/\/[\d.]+:(\d+)/.exec(run.stdout()) ?? [];
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(401);
    expect(await askHealth('livez', `0.0.0.0:${port}`)).toEqual([1, null]);
    expect(await askHealth('livez', `0.0.0.0:${port}`, { RAVENHELM_HTTP_TOKEN })).toEqual([0, null]);
    expect((await run.ended()).code).toBe(0);
    expect(run.stdout()).not.toContain(RAVENHELM_HTTP_TOKEN);
  });

  test('on a port that is taken ends with 2 and names the setting', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const { code, stderr } = await runInPipe(clone, ['run', 'missions/quick.yaml', ...MEMORY], {
      RAVENHELM_HTTP: String(port),
    });
    expect(stderr).toContain(`RAVENHELM_HTTP: cannot listen on 127.0.0.1:${port}: another process listens there`);
    expect(code).toBe(2);
    holder.close();
  });

  test('with something that is no address ends with 2', async () => {
    const { code, stderr } = await runInPipe(clone, ['config', 'show', '--http', 'everywhere']);
    expect(stderr).toContain('host:port or a port');
    expect(code).toBe(2);
  });
});

describe('what nothing handled', () => {
  test.each([
    ['a rejection', 'Promise.reject(new Error("no handler"))', 'unhandledRejection'],
    ['an exception', 'setImmediate(() => { throw new Error("no handler"); })', 'uncaughtException'],
  ])('%s is logged and ends the process with 70', async (_name, code, origin) => {
    const started = JSON.stringify(join(clone.dir, `fault-${origin}/first_agent.started`));
    writeFileSync(
      join(clone.dir, 'fault.mjs'),
      `import { existsSync } from 'node:fs';\n` +
        `const look = setInterval(() => { if (!existsSync(${started})) return; clearInterval(look); ${code}; }, 20);\n`,
    );
    const ended = await runInPipe(clone, ['run', 'missions/slow.yaml', '--workspace', `fault-${origin}`, ...MEMORY], {
      NODE_OPTIONS: `--import=${join(clone.dir, 'fault.mjs')}`,
    });
    expect(ended.code).toBe(70);
    expect(JSON.parse(ended.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      event: 'process.internal_error',
      origin,
      exit_code: 70,
      error: { message: 'no handler' },
    });
  });
});

describe('wrong use ends with 2 and says what to do', () => {
  test.each([
    [['statsu'], 'Did you mean status?'],
    [['missions/quick.yaml'], 'ravenhelm run missions/quick.yaml'],
    [['run'], "missing required argument 'mission-file'"],
    [['run', 'missions/quik.yaml'], 'missions/quick.yaml?'],
    [['run', 'quick.yaml'], 'missions/quick.yaml?'],
    [['run', 'nope.yaml'], 'There are: '],
    [['run', 'missions'], 'is a directory'],
    [['run', 'missions/broken.yaml'], 'missions/broken.yaml:4'],
    [['status', '--josn'], 'Did you mean --json?'],
    [['reject', 'x'], '--why'],
    [['--role', 'boss'], 'boss is no role. The roles: orchestrator, worker'],
    [['--role', 'orchestrator,workr'], 'workr is no role. Did you mean worker?'],
    [['--role', 'all'], 'ravenhelm serve'],
    [['--role', 'worker,'], 'A role is missing. The roles: orchestrator, worker'],
    [['--role', 'worker,orchestrator,worker'], 'worker is named twice'],
    [['--role', 'worker', '--role', 'worker'], 'worker is named twice'],
    [['--role', 'orchestrator', '--agents', 'first_agent'], '--role worker'],
    [['serve', ...MEMORY], 'cannot be shared between processes'],
    [['serve', 'missions/quick.yaml'], 'too many arguments'],
    [['--agents', 'first_agent'], '--role worker'],
    [['--role', 'worker', '--exit'], 'Omit them'],
    [['--role', 'worker', ...MEMORY], 'cannot be shared between processes'],
    [['status', ...MEMORY], 'other commands cannot reach it'],
    [['config', 'show', '--log', 'paper'], 'auto, kafka or memory'],
    [['config', 'show', '--config', 'nowhere.yaml'], 'no configuration file'],
    [['agents', 'list', '--agents-dir', 'nowhere'], 'the directory of agents does not exist'],
    [['run', 'missions/asks.yaml', ...MEMORY], 'waits for approval'],
  ])('%j', async (args, hint) => {
    const { code, stdout, stderr } = await runInPipe(clone, args);
    expect(stderr).toContain(hint);
    expect(code).toBe(2);
    expect(stdout.split('\n').filter((line) => line.startsWith('error'))).toEqual([]);
  });

  test('an agent that a worker should serve and that does not exist', async () => {
    const { code, stderr } = await runInPipe(clone, ['--role', 'worker', '--agents', 'first_agnt']);
    expect(stderr).toContain('did you mean "first_agent"?');
    expect(code).toBe(2);
  });

  test('a wrong value of the environment names its variable', async () => {
    const { code, stderr } = await runInPipe(clone, ['config', 'show'], { LOG_LEVEL: 'loud' });
    expect(stderr).toContain('LOG_LEVEL is "loud" (from the environment variable LOG_LEVEL)');
    expect(code).toBe(2);
  });
});

// mkdir's own recursion would never end there.
(process.platform === 'linux' ? test : test.skip)(
  'workspaces below a file system that makes no directories are wrong use',
  async () => {
    const { code, stderr } = await runInPipe(clone, ['run', 'missions/quick.yaml', ...MEMORY], {
      WORKSPACE_ROOT: '/proc/ravenhelm/workspaces',
    });
    expect(stderr).toContain('/proc/ravenhelm/workspaces cannot hold workspaces');
    expect(code).toBe(2);
  },
);

describe('a directory that cannot be used is wrong use, with the cure', () => {
  test.each([
    [
      'WORKSPACE_ROOT below a file',
      { WORKSPACE_ROOT: 'package.json/x' },
      ['run', 'missions/quick.yaml', ...MEMORY],
      [
        'package.json/x cannot hold workspaces (a part of the path is not a directory)',
        'WORKSPACE_ROOT is the directory of all workspaces',
      ],
    ],
    [
      '--workspace below a file',
      {},
      ['run', 'missions/quick.yaml', '--workspace', 'package.json/x', ...MEMORY],
      ['package.json/x cannot be used (a part of the path is not a directory)', 'Nothing was started.'],
    ],
    [
      'TMPDIR',
      { TMPDIR: '/proc' },
      ['run', 'missions/quick.yaml', '--sandbox', 'on', ...MEMORY],
      [
        'the sandbox is tried in /proc, where no directory can be made',
        'Set TMPDIR to a directory that this user can write.',
      ],
    ],
    [
      "the local stack's",
      { KAFKA_BROKERS: '', SCHEMA_REGISTRY_URL: '' },
      ['stack', 'up'],
      ['cannot be used for the local stack', 'a directory that this user can write to'],
    ],
  ] as const)('%s', async (name, env, args, words) => {
    const state = join(clone.dir, '.ravenhelm');
    if (name.startsWith('the local')) {
      rmSync(state, { recursive: true, force: true });
      writeFileSync(state, '');
    }
    const { code, stderr } = await runInPipe(clone, [...args], env);
    rmSync(state, { recursive: true, force: true });
    for (const word of words) expect(stderr).toContain(word);
    expect(stderr).not.toContain('internal error');
    expect(code).toBe(2);
  });
});

describe('no broker ends with 3 and says what to do', () => {
  test.each([
    [['status']],
    [['run', 'missions/quick.yaml']],
    [['--role', 'orchestrator']],
    [['init']],
    [['cancel', '20261123-141502-417-p05-x7k2']],
  ])('%j', async (args) => {
    const { code, stdout, stderr } = await runInPipe(clone, args, UNREACHABLE);
    expect(stderr).toMatch(/^error: No (Kafka broker|schema registry) at .*127\.0\.0\.1:9/m);
    expect(code).toBe(3);
    expect(stdout).toBe('');
  });
});

describe('commands that need no broker', () => {
  test('help and version go to stdout', async () => {
    expect(await runInPipe(clone, ['--help'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('Exit codes:'),
    });
    expect(await runInPipe(clone, ['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });

  test('plan shows waves and checks and runs nothing', async () => {
    const { code, stdout } = await runInPipe(clone, ['plan', 'missions/quick.yaml', '--json'], UNREACHABLE);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).plan.waves).toHaveLength(2);
    const { stdout: text } = await runInPipe(clone, ['plan', 'missions/quick.yaml'], {
      ...UNREACHABLE,
      WORKSPACE_ROOT: join(clone.dir, 'untouched'),
    });
    expect(text).toContain('deploy-second_agent-wave2');
    expect(existsSync(join(clone.dir, 'untouched'))).toBe(false);
  });

  test('config show masks secrets and names sources', async () => {
    const { stdout } = await runInPipe(clone, ['config', 'show', '--json', '--prefix', 'mine'], {
      OPENAI_API_KEY: 'sk-0123456789abcdefXYZ9',
    });
    const settings: { name: string; value: string | null; source: string }[] = JSON.parse(stdout);
    expect(settings.find(({ name }) => name === 'OPENAI_API_KEY')).toMatchObject({
      value: '••••XYZ9',
      source: 'environment',
    });
    expect(settings.find(({ name }) => name === 'RAVENHELM_PREFIX')).toMatchObject({ value: 'mine', source: 'flag' });
    expect(stdout).not.toContain('0123456789abcdef');
  });

  test('agents list', async () => {
    const { stdout } = await runInPipe(clone, ['agents', 'list', '--json']);
    expect(JSON.parse(stdout).map((agent: { name: string; topic: string }) => [agent.name, agent.topic])).toEqual([
      ['first_agent', 'ravenhelm.squad.tasks.first_agent'],
      ['second_agent', 'ravenhelm.squad.tasks.second_agent'],
    ]);
  });
});

describe('run in a pipe', () => {
  test('--json prints one document on stdout, everything else goes to stderr', async () => {
    const { code, stdout, stderr } = await runInPipe(clone, ['run', 'missions/quick.yaml', '--json', ...MEMORY]);
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({
      name: 'quick-mission',
      status: 'completed',
      reason: null,
      workspace: join(clone.dir, '.ravenhelm/workspaces', report.mission_id),
    });
    expect(report.tasks.map((task: { task_id: string; status: string }) => [task.task_id, task.status])).toEqual([
      ['deploy-first_agent-wave1', 'verified'],
      ['deploy-second_agent-wave2', 'verified'],
      ['verify-second_agent-wave3', 'verified'],
    ]);
    expect(report.success).toMatchObject([{ name: 'both wrote', exit_code: 0 }]);
    expect(existsSync(join(report.workspace, 'second_agent.txt'))).toBe(true);
    expect(stderr).toContain('task_assigned | orchestrator → first_agent | deploy-first_agent-wave1');
  });

  test('without --json one plain line an event, then the report; no escape sequences', async () => {
    const { code, stdout } = await runInPipe(clone, ['run', 'missions/quick.yaml', ...MEMORY]);
    expect(code).toBe(0);
    expect(stdout.split('\n').filter((line) => line.startsWith('task_completed | '))).toHaveLength(3);
    expect(stdout).toContain('quick-mission completed');
    expect(stdout).not.toContain('\u001b');
  });

  test('a name with control characters does what it wants on no terminal', async () => {
    writeFileSync(
      join(clone.dir, 'missions/loud.yaml'),
      readFileSync(join(clone.dir, 'missions/quick.yaml'), 'utf8').replace(/^name: .*$/m, 'name: "loud\\n\\e[31mred"'),
    );
    const { code, stdout, stderr } = await runInPipe(clone, ['run', 'missions/loud.yaml', ...MEMORY]);
    expect(code).toBe(0);
    expect(stdout + stderr).toMatch(/^mission: loud [^\n]*red /m);
    expect(stdout + stderr).not.toContain('\u001b');
  });

  test('a mission that fails ends with 1 and names the failing check', async () => {
    const { code, stdout } = await runInPipe(clone, ['run', 'missions/wrong.yaml', '--json', ...MEMORY]);
    expect(code).toBe(1);
    const report = JSON.parse(stdout);
    expect(report.status).toBe('failed');
    expect(report.tasks[0]).toMatchObject({ task_id: 'deploy-first_agent-wave1', status: 'failed' });
    expect(report.tasks[1]).toMatchObject({ status: 'cancelled' });
    expect(JSON.stringify(report)).toContain('wrong is there');
  });

  test('start without a terminal runs the platform mission and ends', async () => {
    const { code, stdout } = await runInPipe(clone, MEMORY);
    expect(code).toBe(0);
    expect(stdout).toContain('Models: workers playbook');
    expect(stdout).toContain('quick-mission completed');
  });

  test('a given workspace is used', async () => {
    const { code, stdout } = await runInPipe(clone, [
      'run',
      'missions/quick.yaml',
      '--json',
      '--workspace',
      'here',
      ...MEMORY,
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).workspace).toBe(join(clone.dir, 'here'));
    expect(existsSync(join(clone.dir, 'here/first_agent.txt'))).toBe(true);
  });

  test('a reader that goes away is no error', async () => {
    const run = startInPipe(clone, ['run', 'missions/quick.yaml', ...MEMORY]);
    await run.shows('mission_requested');
    run.child.stdout.destroy();
    const { code, stderr } = await run.ended();
    expect(stderr).not.toMatch(/EPIPE|Error/);
    expect(code).toBe(0);
  });

  test('an output that cannot be written is reported once; the mission ends, and the exit code is not 0', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(
      process.execPath,
      [join(clone.dir, 'bin/ravenhelm.js'), 'run', 'missions/quick.yaml', '--workspace', 'unheard', ...MEMORY],
      { cwd: clone.dir, env: { ...clone.env }, stdio: ['ignore', full, 'pipe'] },
    );
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = await once(child, 'close');
    closeSync(full);
    expect(stderr).toBe(
      'error: the output cannot be written: ENOSPC: no space left on device, write\n' +
        '  Make space, or send it elsewhere; what the command did until then is in the log.\n',
    );
    expect(code).toBe(2);
    expect(existsSync(join(clone.dir, 'unheard/second_agent.txt'))).toBe(true);
  });

  test('SIGTERM drains and ends with 130', async () => {
    const run = startInPipe(clone, ['run', 'missions/slow.yaml', ...MEMORY]);
    await run.shows('execute_terminal_command');
    run.child.kill('SIGTERM');
    const { code, stderr } = await run.ended();
    expect(code).toBe(130);
    expect(stderr).toContain('stopping: running steps have 10 s to end');
  });
});

describe('run on a terminal', () => {
  test('progress is redrawn in place, the report takes its place, and the cursor is there again', async () => {
    const run = startOnTerminal(clone, ['run', 'missions/quick.yaml', ...MEMORY]);
    expect(await run.exit).toBe(0);
    expect(run.output()).toContain('\u001b[?25l');
    expect(run.output().lastIndexOf('\u001b[?25h')).toBeGreaterThan(run.output().lastIndexOf('\u001b[?25l'));
    const seen = screenOf(run.output());
    expect(seen.match(/✓ first_agent /g)).toHaveLength(1);
    expect(seen).toContain('quick-mission completed');
    expect(seen).toContain('log: in memory');
  });

  test('NO_COLOR takes the colours away', async () => {
    const colored = startOnTerminal(clone, ['run', 'missions/quick.yaml', ...MEMORY]);
    const plain = startOnTerminal(clone, ['run', 'missions/quick.yaml', ...MEMORY], { env: { NO_COLOR: '1' } });
    await Promise.all([colored.exit, plain.exit]);
    expect(colored.output()).toMatch(/\u001b\[32m/);
    expect(plain.output()).not.toMatch(/\u001b\[\d+m/);
  });

  test('a narrow terminal gets lines that fit', async () => {
    const run = startOnTerminal(clone, ['run', 'missions/slow.yaml', ...MEMORY], { columns: 36 });
    await run.shows('running');
    const frame =
      run
        .output()
        .split('\u001b[?2026h')
        .find((text) => text.includes('running')) ?? '';
    const lines = frame
      .replace(/\u001b\[[?\d]*[a-zA-Z]/g, '')
      .split(/\r?\n/)
      .map((line) => line.replaceAll('\r', ''));
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line.length).toBeLessThan(36);
    run.interrupt();
    expect(await run.exit).toBe(130);
  });

  test('the first Ctrl-C lets the running step end, and the exit code is 130', async () => {
    const run = startOnTerminal(clone, ['run', 'missions/slow.yaml', '--workspace', 'drained', ...MEMORY]);
    await until('the slow step to run', () => existsSync(join(clone.dir, 'drained/first_agent.started')));
    run.interrupt();
    expect(await run.exit).toBe(130);
    expect(run.output()).toContain('stopping');
    expect(run.output().lastIndexOf('\u001b[?25h')).toBeGreaterThan(run.output().lastIndexOf('\u001b[?25l'));
    expect(existsSync(join(clone.dir, 'drained/first_agent.slow'))).toBe(true);
    expect(existsSync(join(clone.dir, 'drained/second_agent.txt'))).toBe(false);
  });

  test('a second Ctrl-C ends at once', async () => {
    const run = startOnTerminal(clone, ['run', 'missions/slow.yaml', '--workspace', 'hurried', ...MEMORY]);
    await run.shows('step 2');
    run.interrupt();
    await run.shows('stopping');
    // A press that follows too soon counts as the same one (see interruption.ts), so it is pressed until one counts.
    const presses = setInterval(() => run.interrupt(), 100);
    const code = await run.exit.finally(() => clearInterval(presses));
    expect(code).toBe(130);
    expect(existsSync(join(clone.dir, 'hurried/first_agent.slow'))).toBe(false);
    expect(run.output().lastIndexOf('\u001b[?25h')).toBeGreaterThan(run.output().lastIndexOf('\u001b[?25l'));
  });

  test('under npm start one Ctrl-C, which arrives twice, drains', async () => {
    const run = startOnTerminal(
      clone,
      ['start', '--silent', '--', 'run', 'missions/slow.yaml', '--workspace', 'by-npm', ...MEMORY],
      { file: 'npm' },
    );
    await until('the slow step to run', () => existsSync(join(clone.dir, 'by-npm/first_agent.started')));
    run.interrupt();
    await run.exit;
    expect(run.output()).toContain('stopping');
    expect(existsSync(join(clone.dir, 'by-npm/first_agent.slow'))).toBe(true);
  });

  test("start keeps serving until Ctrl-C, then its exit code is the mission's", async () => {
    const run = startOnTerminal(clone, MEMORY);
    await run.shows('keeps serving');
    expect(screenOf(run.output())).toContain('quick-mission completed');
    run.interrupt();
    expect(await run.exit).toBe(0);
  });

  test('start --exit ends with the mission', async () => {
    const run = startOnTerminal(clone, ['--exit', ...MEMORY]);
    expect(await run.exit).toBe(0);
    expect(run.output()).not.toContain('keeps serving');
  });
});

test('an unbuilt clone says how to build it', async () => {
  const bare = await createTestClone();
  try {
    const { rm } = await import('node:fs/promises');
    await rm(join(bare.dir, 'dist'), { recursive: true });
    expect(await runInPipe(bare, ['status'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('npm run setup'),
    });
  } finally {
    await bare.remove();
  }
});

test('a file of settings is read from the working directory', async () => {
  writeFileSync(join(clone.dir, 'ravenhelm.yaml'), 'ravenhelm_prefix: from-file\n');
  const { stdout } = await runInPipe(clone, ['config', 'show', '--json']);
  expect(JSON.parse(stdout).find((setting: { name: string }) => setting.name === 'RAVENHELM_PREFIX')).toMatchObject({
    value: 'from-file',
    source: 'file',
  });
});
