import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isForbidden, placeForUser, runAsUser, USER } from './as-user.js';
import { removeTemporaryDirectories } from './harness.js';

const asRoot = process.getuid?.() === 0 ? test : test.skip;

afterAll(removeTemporaryDirectories);

const SCRIPT = `
const checks = [{ name: 'there', command: 'test -f a/b' }, { name: 'ro', command: 'touch x' }];
const look =
  'id -u; echo x >/dev/stderr; touch made; echo x > /usr/x; unshare -U true; ' +
  'cat /proc/1/environ | tr "\\\\0" "\\\\n"';
const LIST = 'cd /proc/self/fd; for n in *; do [ "$n" -le 2 ] || readlink "$n" || :; done';
const SPOIL = "perl -e 'chmod 0, *STDOUT, *STDERR; chmod 0, *STDIN'; echo done";
console.log(JSON.stringify({
  sandbox,
  id: await call('execute_terminal_command', { command: look }),
  limit: await call('execute_terminal_command', { command: '(setsid sleep 889.1 &); sleep 889.1' }, 400),
  bomb: await call('execute_terminal_command', { command: "ulimit -p 200; perl -e 'fork while 1; 889.1'" }, 1000),
  key: await executor.run({ task: { ...task, taskId: 'keyed', secretsKey: 'made' }, step: 1, claimOffset: 1,
    timeLimitMs: 20000, tool: 'execute_terminal_command', arguments: { command: 'wc -c < /keys/secrets.key' } }, never),
  descriptors: await call('execute_terminal_command', { command: LIST }),
  closed: await call('execute_terminal_command', { command: 'chmod 000 /workspace' }),
  spoilt: await call('execute_terminal_command', { command: SPOIL }),
  after: await call('execute_terminal_command', { command: 'echo x > /dev/stdout; echo y > /dev/stderr; touch after' }),
  score: await call('execute_terminal_command', {
    command: 'cat /proc/self/oom_score_adj; echo -1 > /proc/self/oom_score_adj' }),
  blind: await call('execute_terminal_command', { command: 'ls /keys' }),
  write: await call('workspace_write', { path: 'a/b', content: 'hello' }),
  read: await call('workspace_read', { path: 'a/b' }),
  checks: await executor.runChecks({ task, step: ++step, claimOffset: 1, timeLimitMs: 20000, checks }, never),
}));
`;

/** The worker has them open, as a careless parent leaves them. */
const OPEN_FILES = ['bash', '--norc', '-c', 'exec 3</etc 200</etc 201</etc/passwd 251> >(cat); exec "$@"', '-'];

asRoot(
  'a worker that is not root runs its tools in user namespaces, as its own user, and leaves no processes',
  async () => {
    const place = placeForUser();
    const results = JSON.parse(await runAsUser(place, SCRIPT, OPEN_FILES));
    if (isForbidden(results.sandbox)) {
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
    expect(JSON.parse(results.descriptors.observation)).toMatchObject({ stdout: '', success: true });
    expect(results.closed).toMatchObject({ outcome: 'ok' });
    expect(JSON.parse(results.spoilt.observation)).toMatchObject({ stdout: 'done\n' });
    expect(JSON.parse(results.after.observation)).toMatchObject({ stdout: 'x\n', stderr: 'y\n', success: true });
    // It may lower it as far as its worker's, which root has not raised, and no further.
    expect(JSON.parse(results.score.observation)).toMatchObject({ stdout: '500\n', success: false });
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
