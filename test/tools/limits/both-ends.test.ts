/** Every limit at the least value that files may give it, and every one at its most: commands do their work. */
import { LIMIT_KEYS, type LimitKey, type Limits } from '../../../src/domain/limits.js';
import { MOST_NETWORK_HOSTS } from '../../../src/domain/network.js';
import { RANGES } from '../../../src/domain/ranges.js';
import { NO_CGROUPS, openCgroups } from '../../../src/tools/cgroups.js';
import { placeForUser, runAsUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories, type CommandResult } from '../harness.js';
import { MODES } from '../network/modes.js';
import { closeAll, listenTcp, named } from '../network/support.js';

type End = 'least' | 'most';

const limitsAt = (end: End): Limits => {
  const at = (key: LimitKey) => RANGES[`limits ${key}`][end];
  return {
    wall_seconds: at('wall_seconds'),
    cpu_seconds: at('cpu_seconds'),
    memory_mb: at('memory_mb'),
    processes: at('processes'),
    open_files: at('open_files'),
    file_mb: at('file_mb'),
    tmp_mb: at('tmp_mb'),
    shm_mb: at('shm_mb'),
    output_mb: at('output_mb'),
    workspace_mb: at('workspace_mb'),
    workspace_files: at('workspace_files'),
  };
};

/** What a small step does: programs, a pipe, files in each place that takes some. */
const COMMAND =
  'cat /etc/passwd | head -n 1 > first && cp first /tmp/copy && cp /tmp/copy /dev/shm/copy && ' +
  'cmp first /dev/shm/copy && perl -e \'print "x" x 100000\' > large && wc -c < large';
const SAYS = '100000\n';

function expectDone(result: CommandResult | undefined): void {
  expect(result).toMatchObject({ outcome: 'ok', stdout: SAYS, stderr: '' });
  expect(result).not.toHaveProperty('limit');
}

const ENDS: readonly End[] = ['least', 'most'];

afterEach(closeAll);
afterAll(removeTemporaryDirectories);

const HOSTS = Array.from({ length: MOST_NETWORK_HOSTS }, (_, index) => `host-${index}.test`);

describe.each(MODES)('in a sandbox made %s', (_, run) => {
  test.each(ENDS)(
    'with every limit at its %s value, and as many hosts as there may be, each is reached',
    async (end) => {
      const port = await listenTcp((socket) => socket.end('hello\n'));
      const limits = limitsAt(end);
      const ask =
        `perl -MSocket -e 'socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in(${port}, ` +
        `inet_aton($ARGV[0]))) or die "$!\\n"; print while <$s>'`;
      const result = await run(`${ask} ${HOSTS[0]}; ${ask} ${HOSTS.at(-1)}`, {
        hosts: HOSTS.map((host) => named(host, port)),
        names: Object.fromEntries(HOSTS.map((host) => [host, ['127.0.0.1']])),
        limits,
        timeLimitMs: limits.wall_seconds * 1000,
      });
      expect(result).toMatchObject({ outcome: 'ok', stdout: 'hello\nhello\n', stderr: '' });
    },
  );
});

describe.each([
  ['by cgroups where they can be made', await openCgroups()],
  ['without cgroups', NO_CGROUPS],
])('%s', (_, cgroups) => {
  test.each(ENDS)('with every limit at its %s value a command does its work', async (end) => {
    const harness = await createHarness({ cgroups });
    const limits = limitsAt(end);
    expectDone(await harness.sh(COMMAND, { limits, timeLimitMs: limits.wall_seconds * 1000 }));
  });
  test.each(ENDS)('with every limit at its %s value files are written, and checks run', async (end) => {
    const harness = await createHarness({ cgroups });
    const limits = limitsAt(end);
    const timeLimitMs = limits.wall_seconds * 1000;
    const written = await harness.call('workspace_write', { path: 'a.txt', content: 'a\n' }, { limits, timeLimitMs });
    expect(written).toMatchObject({ outcome: 'ok' });
    const checks = [{ name: 'there', command: 'test "$(cat a.txt)" = a' }];
    const call = { task: harness.task(), step: 9, checks, claimOffset: 10, timeLimitMs, limits };
    const checked = await harness.executor.runChecks(call, new AbortController().signal);
    expect(checked).toMatchObject({ passed: true });
  });
});

(process.getuid?.() === 0 ? test : test.skip)(
  'as another user, with every limit at either end, a command does its work',
  async () => {
    const script = `
const results = [];
for (const limits of ${JSON.stringify(ENDS.map(limitsAt))}) {
  const command = ${JSON.stringify(COMMAND)};
  const outcome = await call('execute_terminal_command', { command }, limits.wall_seconds * 1000, limits);
  results.push({ ...outcome, ...JSON.parse(outcome.observation) });
}
console.log(JSON.stringify(results));`;
    const results: readonly CommandResult[] = JSON.parse(await runAsUser(placeForUser(), script));
    expect(results).toHaveLength(ENDS.length);
    for (const result of results) expectDone(result);
  },
  120_000,
);

(process.getuid?.() === 0 ? test : test.skip)(
  'as another user, a lower limit of processes that the worker has itself stays, and its commands run',
  async () => {
    const script = `
const outcome = await call('execute_terminal_command', { command: 'ulimit -H -p && ulimit -p' });
console.log(outcome.observation);`;
    const observation = await runAsUser(placeForUser(), script, ['prlimit', '--nproc=500']);
    expect(JSON.parse(observation)).toMatchObject({ exit_code: 0, stdout: '500\n500\n', stderr: '' });
  },
  120_000,
);

test('every limit is tried', () => {
  expect(Object.keys(limitsAt('least'))).toEqual([...LIMIT_KEYS]);
});
