import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEFAULT_LIMITS } from '../../../src/domain/limits.js';
import { placeForUser, runAsUser } from '../as-user.js';
import { createHarness, removeTemporaryDirectories, temporaryDirectory, type Harness } from '../harness.js';

/** The size of a workspace, measured while steps run and between them. */
const LIMITS = { ...DEFAULT_LIMITS, workspace_mb: 8, workspace_files: 100 };
const MAKE = (mib: number, name: string) => `head -c ${mib * 1024 * 1024} /dev/urandom > ${name}`;

// What a short step adds is what the file system has less of after it: one that other programs do not fill and empty.
const SHARED_MEMORY = '/dev/shm';
const isRoot = process.getuid?.() === 0;

let harness: Harness;
beforeEach(async () => {
  harness = await createHarness(existsSync(SHARED_MEMORY) ? { root: temporaryDirectory(SHARED_MEMORY) } : {});
});
afterAll(removeTemporaryDirectories);

const sh = (command: string) => harness.sh(command, { limits: LIMITS });
const noted = () => readFileSync(join(harness.root, '.ravenhelm/runs/m1/.usage'), 'utf8').split(' ').map(Number);

test('a step within it has no limit, and what it wrote is noted', async () => {
  expect((await sh(MAKE(4, 'a'))).limit).toBeUndefined();
  const [bytes = 0] = noted();
  expect(bytes).toBeGreaterThanOrEqual(4 << 20);
});

test('a step that is short but makes it too large names it, although nothing ended it', async () => {
  // All of it at once, so that no measurement comes in between on a busy machine either.
  expect(await sh('fallocate -l 12M a')).toMatchObject({ outcome: 'ok', exit_code: 0, limit: 'workspace_size' });
});

test('steps that each add a little: the one that makes it too large names it', async () => {
  const limits = [];
  for (const name of ['a', 'b', 'c', 'd']) limits.push((await sh(MAKE(3, name))).limit);
  expect(limits).toEqual([undefined, undefined, 'workspace_size', expect.anything()]);
});

test('the number of files counts too', async () => {
  expect(await sh('for n in $(seq 1 200); do : > f$n; done')).toMatchObject({ limit: 'workspace_files' });
});

test('a workspace over its limit may shrink, and then grow again', async () => {
  await sh(MAKE(12, 'a'));
  expect(await sh(`${MAKE(4, 'b')}; sleep 30`)).toMatchObject({
    outcome: 'error',
    exit_code: 137,
    limit: 'workspace_size',
    note: expect.stringMatching(
      new RegExp(
        '^the size of the workspace .*workspace_mb: 8.*remove files.*; it has (8|9|1[0-6]) MiB in 2 files; ' +
          'the disk of the workspaces has .* MiB free of .*; ' +
          'ravenhelm workspace prune --older-than 7d frees nothing; .*were killed$',
      ),
    ),
  });
  expect(await sh('sleep 1.5; rm a b; sleep 0.5; ls')).toMatchObject({ outcome: 'ok', stdout: '' });
  expect((await sh(`${MAKE(4, 'c')}; sleep 0.5`)).limit).toBeUndefined();
});

test('a step of another task of the mission is measured with the same workspace', async () => {
  await sh(MAKE(6, 'a'));
  const other = { limits: LIMITS, task: harness.task('other-task') };
  expect(await harness.sh(MAKE(6, 'b'), other)).toMatchObject({ limit: 'workspace_size' });
});

test('sparse files count what they occupy, hard links once, links not what they lead to', async () => {
  const command = `truncate -s 1G sparse; ${MAKE(5, 'a')}; ln a b; ln a c; ln -s /usr usr; sleep 0.5`;
  expect((await sh(command)).limit).toBeUndefined();
});

test('a directory that was large before the first step may stay so, but not grow', async () => {
  await harness.executor.prepareWorkspace(harness.task());
  writeFileSync(join(harness.workspace(), 'before'), Buffer.alloc(20 << 20, 1));
  expect((await sh('echo x > y; sleep 0.4')).limit).toBeUndefined();
  expect(await sh(`${MAKE(4, 'more')}; sleep 30`)).toMatchObject({ limit: 'workspace_size', exit_code: 137 });
  expect(existsSync(join(harness.workspace(), 'before'))).toBe(true);
});

test('checks cannot write, and are not measured', async () => {
  await sh(MAKE(12, 'a'));
  const call = { task: harness.task(), step: 9, claimOffset: 10, timeLimitMs: 20_000, limits: LIMITS };
  const checks = [{ name: 'a', command: 'sleep 0.4; test -f a' }];
  expect(await harness.executor.runChecks({ ...call, checks }, new AbortController().signal)).toMatchObject({
    passed: true,
  });
});

test('a check that reaches a limit fails with its name', async () => {
  const call = { task: harness.task(), step: 9, claimOffset: 10, timeLimitMs: 20_000 };
  const limits = { ...LIMITS, processes: 30 };
  const checks = [{ name: 'bomb', command: `perl -e 'fork while 1'` }];
  const run = await harness.executor.runChecks({ ...call, limits, checks }, new AbortController().signal);
  expect(run).toMatchObject({ passed: false, results: [{ exit_code: 137 }] });
  expect(run.observation).toContain('note: the limit of processes and threads was reached (processes: 30)');
});

test('directories deeper than a path can say count as too large, for nothing in them can be measured', async () => {
  const dig = 'for (1 .. 20) { mkdir "d" x 250 or die; chdir "d" x 250 or die }';
  const hidden = `perl -e '${dig} open F, ">f" or die; print F "x" x (12 << 20)'`;
  expect(await sh(hidden)).toMatchObject({ limit: 'workspace_size' });
  expect(await sh('rm -rf ddd*; ls')).toMatchObject({ outcome: 'ok', stdout: '' });
});

/** Names that are known can be written in it, but it cannot be listed. */
const CLOSED = ['mkdir -m 0300 d; cd d', 'mkdir -p d/e; cd d/e; chmod 0600 ..', 'mkdir -p d/e; cd d/e; chmod 0000 ..'];
const FILLS =
  `perl -e 'for my $n (1 .. 4000) { open my $f, ">", "file-$n" or die; print {$f} "x" x (256 * 1024); ` +
  `close $f or die; select undef, undef, undef, 0.02 }'`;

test.each(CLOSED)(
  'a directory that is closed to its owner counts as too large: %s',
  async (close) => {
    await harness.executor.prepareWorkspace(harness.task());
    // The launcher of a user's worker measures as that user, as the one of root does not.
    const place = isRoot ? placeForUser() : null;
    expect(await sh(`${close}; ${FILLS}`)).toMatchObject({ limit: 'workspace_size', outcome: 'error' });
    if (place === null) return;
    const script = `
const fill = { command: ${JSON.stringify(`${close}; ${FILLS}`)} };
const outcome = await call('execute_terminal_command', fill, 60000, ${JSON.stringify(LIMITS)});
const after = await call('execute_terminal_command', { command: 'chmod 700 d; rm -r d; ls' });
console.log(JSON.stringify({ outcome, after }));`;
    const { outcome, after } = JSON.parse(await runAsUser(place, script));
    expect(outcome).toMatchObject({ limit: 'workspace_size', outcome: 'error' });
    expect(JSON.parse(after.observation)).toMatchObject({ success: true, stdout: '' });
  },
  60_000,
);

test('a directory that a test closes for a moment ends nothing', async () => {
  const place = isRoot ? placeForUser() : null;
  const command = 'mkdir d; chmod 000 d; ls d; sleep 0.3; chmod 700 d; sleep 1.5; echo done';
  if (place === null) return expect(await sh(command)).toMatchObject({ outcome: 'ok' });
  const script = `console.log((await call('execute_terminal_command', { command: '${command}' })).observation)`;
  expect(JSON.parse(await runAsUser(place, script))).toMatchObject({ success: true, stdout: 'done\n' });
}, 60_000);
