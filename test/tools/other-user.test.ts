import { execFile } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { transformSync } from '@swc/core';
import { removeTemporaryDirectories, temporaryDirectory } from './harness.js';

/** The same tools as a user other than root: user namespaces instead of setpriv. Only root can switch to that user. */
const USER = 12_346;
const asRoot = process.getuid?.() === 0 ? test : test.skip;
const run = promisify(execFile);

afterAll(removeTemporaryDirectories);

/** Compiles the tools to a directory that the other user can enter; the clone may be closed to it. */
function compiled(): string {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  for (const layer of ['tools', 'ports', 'domain']) {
    mkdirSync(join(directory, 'src', layer), { recursive: true });
    for (const name of readdirSync(resolve('src', layer)).filter((file) => file.endsWith('.ts'))) {
      const { code } = transformSync(readFileSync(resolve('src', layer, name), 'utf8'), {
        filename: name,
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
      });
      writeFileSync(join(directory, 'src', layer, name.replace(/\.ts$/, '.js')), code);
    }
  }
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  cpSync(resolve('node_modules/zod'), join(directory, 'node_modules/zod'), { recursive: true });
  return directory;
}

const SCRIPT = `
import { createToolExecutor } from './src/tools/tool-executor.js';
import { probeSandbox } from './src/tools/probe.js';
import { workspaceMarker } from './src/tools/places.js';
const [root, mode] = process.argv.slice(2);
const system = { toolboxDir: null, extraBinds: [], nodePath: process.execPath };
const sandbox = await probeSandbox(system);
if (!sandbox.ok) { console.log(JSON.stringify({ sandbox })); process.exit(0); }
const logger = { debug() {}, info() {}, warn() {}, error() {}, child() { return logger; } };
const clock = { now: Date.now, monotonicMs: () => performance.now(), setTimer() {} };
const executor = createToolExecutor({ ...system, workspaceRoot: root, sandbox, clock, logger });
const marker = await workspaceMarker(root);
const task = { missionId: 'm1', taskId: 't1', attempt: 1, workspace: null, workspaceMarker: marker };
let step = 0;
const never = new AbortController().signal;
const call = (tool, args, timeLimitMs = 20000) =>
  executor.run({ task, step: ++step, claimOffset: 1, timeLimitMs, tool, arguments: args }, never);
const checks = [{ name: 'there', command: 'test -f a/b' }, { name: 'ro', command: 'touch x' }];
const look =
  'id -u; echo x >/dev/stderr; touch made; echo x > /usr/x; unshare -U true; ' +
  'cat /proc/1/environ | tr "\\\\0" "\\\\n"';
const results = {
  sandbox,
  id: await call('execute_terminal_command', { command: look }),
  limit: await call('execute_terminal_command', { command: '(setsid sleep 889.1 &); sleep 889.1' }, 400),
  write: await call('workspace_write', { path: 'a/b', content: 'hello' }),
  read: await call('workspace_read', { path: 'a/b' }),
  checks: await executor.runChecks({ task, step: ++step, claimOffset: 1, timeLimitMs: 20000, checks }, never),
};
console.log(JSON.stringify(results));
`;

asRoot(
  'a worker that is not root runs its tools in user namespaces, as its own user, and leaves no processes',
  async () => {
    const directory = compiled();
    const root = join(directory, 'workspaces');
    mkdirSync(root);
    chownSync(root, USER, USER);
    writeFileSync(join(directory, 'script.mjs'), SCRIPT);
    const { stdout } = await run(
      'setpriv',
      [
        '--reuid',
        String(USER),
        '--regid',
        String(USER),
        '--clear-groups',
        process.execPath,
        join(directory, 'script.mjs'),
        root,
      ],
      {
        env: { PATH: process.env['PATH'] ?? '', SECRET: 'sk-canary-0123456789', HOME: '/' },
      },
    );
    const results = JSON.parse(stdout);
    if (!results.sandbox.ok) {
      // This computer forbids user namespaces: then that must be the reason, and the fix must be given.
      expect(results.sandbox).toMatchObject({
        reason: expect.stringMatching(/namespace|permission|permitted/i),
        fix: expect.stringContaining('user namespaces'),
      });
      return;
    }
    expect(results.sandbox).toMatchObject({ mode: 'user' });
    const seen = JSON.parse(results.id.observation);
    expect(seen.stdout).toMatch(new RegExp(`^${USER}\n`));
    expect(seen.stdout).not.toContain('canary');
    expect(seen.stderr).toContain('x\n');
    expect(seen.stderr).toContain('unshare');
    expect(statSync(join(root, 'm1/made')).uid).toBe(USER);
    expect(results.limit).toMatchObject({ outcome: 'error', exitCode: 124 });
    expect(readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes('889.1'))).toEqual([]);
    expect(results.write).toMatchObject({ outcome: 'ok' });
    expect(JSON.parse(results.read.observation)).toMatchObject({ content: 'hello' });
    expect(results.checks).toMatchObject({ passed: false, results: [{ exit_code: 0 }, { exit_code: 1 }] });
  },
  60_000,
);

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}
