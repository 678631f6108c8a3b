import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { placeForUser, runAsUser, USER } from './as-user.js';
import { removeTemporaryDirectories } from './harness.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

afterAll(removeTemporaryDirectories);

const SCRIPT = `
const checks = [{ name: 'there', command: 'test -f a/b' }, { name: 'ro', command: 'touch x' }];
const look =
  'id -u; echo x >/dev/stderr; touch made; echo x > /usr/x; unshare -U true; ' +
  'cat /proc/1/environ | tr "\\\\0" "\\\\n"';
console.log(JSON.stringify({
  sandbox,
  id: await call('execute_terminal_command', { command: look }),
  limit: await call('execute_terminal_command', { command: '(setsid sleep 889.1 &); sleep 889.1' }, 400),
  bomb: await call('execute_terminal_command', { command: "ulimit -p 200; perl -e 'fork while 1; 889.1'" }, 1000),
  key: await executor.run({ task: { ...task, taskId: 'keyed', secretsKey: 'made' }, step: 1, claimOffset: 1,
    timeLimitMs: 20000, tool: 'execute_terminal_command', arguments: { command: 'wc -c < /keys/secrets.key' } }, never),
  blind: await call('execute_terminal_command', { command: 'ls /keys' }),
  write: await call('workspace_write', { path: 'a/b', content: 'hello' }),
  read: await call('workspace_read', { path: 'a/b' }),
  checks: await executor.runChecks({ task, step: ++step, claimOffset: 1, timeLimitMs: 20000, checks }, never),
}));
`;

asRoot(
  'a worker that is not root runs its tools in user namespaces, as its own user, and leaves no processes',
  async () => {
    const place = placeForUser();
    const results = JSON.parse(await runAsUser(place, SCRIPT));
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
    expect(statSync(join(place.root, 'm1/made')).uid).toBe(USER);
    expect(results.limit).toMatchObject({ outcome: 'error', exitCode: 124 });
    expect(results.bomb).toMatchObject({ outcome: 'error', exitCode: 124 });
    expect(results.bomb.durationMs).toBeLessThan(3_000);
    expect(readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes('889.1'))).toEqual([]);
    expect(JSON.parse(results.key.observation)).toMatchObject({ stdout: '65\n' });
    expect(results.blind).toMatchObject({ outcome: 'error', exitCode: 2 });
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
