import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { createTestClone, type TestClone } from './support/clone.js';
import { MEMORY, runInPipe, startInPipe } from './support/ravenhelm.js';

const run = promisify(execFile);

/** A person's own repository, a swarm on the real broker, and the commands as processes. */
describeWithBroker('a repository of one’s own', () => {
  let clone: TestClone;
  let repository: string;
  let env: Readonly<Record<string, string>>;
  const git = async (...args: readonly string[]) => (await run('git', ['-C', repository, ...args])).stdout;

  beforeAll(async () => {
    clone = await createTestClone();
    const { brokers, registryUrl } = testBroker();
    env = {
      KAFKA_BROKERS: brokers.join(','),
      SCHEMA_REGISTRY_URL: registryUrl,
      RAVENHELM_PREFIX: `snap.${randomUUID().slice(0, 8)}`,
    };
  });
  afterAll(() => clone.remove());
  beforeEach(async () => {
    repository = await mkdtemp(join(tmpdir(), 'ravenhelm-own-'));
    await git('init', '-q');
    await writeFile(join(repository, '.gitignore'), 'dist/\n');
    await writeFile(join(repository, 'first_agent.txt'), 'mine\n');
    await mkdir(join(repository, 'dist'));
    await writeFile(join(repository, 'dist/out.js'), 'built\n');
    await git('add', '.');
    await git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'first');
  });
  afterEach(() => rm(repository, { recursive: true, force: true }));

  const rh = (...args: readonly string[]) => runInPipe(clone, args, env);

  test('diff, patch and restore: what each wave has changed, and the way back', async () => {
    await rm(join(repository, 'first_agent.txt'));
    await git('-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qam', 'second');
    const ran = await rh('run', 'missions/quick.yaml', '--workspace', repository, '--json');
    expect(ran.code).toBe(0);
    const report = JSON.parse(ran.stdout);
    expect(report.snapshots.map(({ wave }: { wave: number }) => wave)).toEqual([0, 1, 2]);
    expect((await git('status', '--porcelain')).trim().split('\n').sort()).toEqual([
      '?? first_agent.txt',
      '?? second_agent.txt',
    ]);

    const all = await rh('diff', 'last');
    expect([all.code, all.stdout]).toEqual([0, 'A first_agent.txt\nA second_agent.txt\n']);
    expect((await rh('diff', 'last', '--wave', '2')).stdout).toBe('A second_agent.txt\n');
    const patch = await rh('diff', report.mission_id, '--wave', '1', '--patch');
    expect(patch.stdout).toBe(
      [
        'diff --git a/first_agent.txt b/first_agent.txt',
        'new file mode 100644',
        '--- /dev/null',
        '+++ b/first_agent.txt',
        '@@ -0,0 +1,1 @@',
        '+first_agent',
        '',
      ].join('\n'),
    );
    expect((await rh('diff', 'last', '--wave', '9')).stderr).toContain('0 (before the mission), 1, 2');

    const dry = await rh('restore', 'last', '--wave', '1', '--dry-run');
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringContaining('D second_agent.txt')]);
    expect(await readdir(repository)).toContain('second_agent.txt');
    expect((await rh('restore', 'last', '--wave', '1')).code).toBe(2); // there is no terminal to ask at
    await writeFile(join(repository, 'first_agent.txt'), 'broken\n');
    await writeFile(join(repository, 'dist/out.js'), 'built again\n');
    const restored = await rh('restore', 'last', '--wave', '1', '--yes', '--json');
    expect(restored.code).toBe(0);
    expect(JSON.parse(restored.stdout)).toMatchObject({
      wave: 1,
      changes: [
        { path: 'first_agent.txt', what: 'content' },
        { path: 'second_agent.txt', what: 'removed' },
      ],
      failed: [],
    });
    expect(await readFile(join(repository, 'first_agent.txt'), 'utf8')).toBe('first_agent\n');
    expect(await readFile(join(repository, 'dist/out.js'), 'utf8')).toBe('built again\n');
    expect((await rh('restore', 'last', '--wave', '0', '--yes')).code).toBe(0);
    expect(await git('status', '--porcelain')).toBe('');

    // The patch brings the same back by git itself.
    await writeFile(join(clone.dir, 'wave1.patch'), patch.stdout);
    await git('apply', join(clone.dir, 'wave1.patch'));
    expect(await readFile(join(repository, 'first_agent.txt'), 'utf8')).toBe('first_agent\n');
  }, 240_000);

  test('a wave that failed is there too; nothing is restored while a mission works in the directory', async () => {
    const failed = await rh('run', 'missions/wrong.yaml', '--workspace', repository, '--json');
    expect(failed.code).toBe(1);
    const id = JSON.parse(failed.stdout).mission_id;
    expect((await rh('diff', id)).stdout).toBe('A first_agent.wrong\n');

    const swarm = startInPipe(clone, ['run', 'missions/gated.yaml', '--workspace', repository], env);
    await swarm.shows('step 1');
    const refused = await rh('restore', id, '--wave', '0', '--yes');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('has not ended, and works in')]);
    await writeFile(join(repository, 'go'), '');
    expect((await swarm.ended()).code).toBe(0);
    expect((await rh('restore', id, '--wave', '0', '--yes')).code).toBe(0);
    expect(await git('status', '--porcelain')).toBe('');
  }, 240_000);

  test('snapshots: false takes none, snapshots: true takes them below WORKSPACE_ROOT', async () => {
    const text = await readFile(join(clone.dir, 'missions/quick.yaml'), 'utf8');
    await writeFile(join(clone.dir, 'missions/without.yaml'), `snapshots: false\n${text}`);
    await writeFile(join(clone.dir, 'missions/with.yaml'), `snapshots: true\n${text}`);
    await rm(join(repository, 'first_agent.txt'));
    const without = await rh('run', 'missions/without.yaml', '--workspace', repository, '--json');
    expect(JSON.parse(without.stdout)).toMatchObject({ status: 'completed', snapshots: [] });
    expect((await rh('diff', 'last')).stderr).toContain('has no snapshots');
    const own = await rh('run', 'missions/with.yaml', '--json');
    expect(JSON.parse(own.stdout).snapshots).toHaveLength(3);
    expect((await rh('diff', 'last')).stdout).toBe('A first_agent.txt\nA second_agent.txt\n');
    const elsewhere = await runInPipe(clone, ['diff', 'last'], { ...env, WORKSPACE_ROOT: repository });
    expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining('the snapshots are with')]);
  }, 240_000);

  test('after a run on the in-memory log, the directory says what its log no longer can', async () => {
    await rm(join(repository, 'first_agent.txt'));
    expect((await rh('run', 'missions/quick.yaml', '--workspace', repository, ...MEMORY)).code).toBe(0);
    expect(await git('status', '--porcelain', '--ignored', '.ravenhelm')).toBe('!! .ravenhelm/\n');
    const diff = await rh('diff', 'last', '--workspace', repository);
    expect([diff.code, diff.stdout]).toEqual([0, 'A first_agent.txt\nA second_agent.txt\n']);
    const restored = await rh('restore', 'last', '--workspace', repository, '--wave', '0', '--yes');
    expect([restored.code, restored.stderr]).toEqual([
      0,
      expect.stringContaining('make sure that no mission works in'),
    ]);
    const again = () => rh('restore', 'last', '--workspace', repository, '--wave', '0', '--yes');
    expect((await again()).stdout).toBe('the workspace is as it was before the mission\n');
    await run('mkfifo', [join(repository, 'pipe')]);
    const { code, stdout, stderr } = await again();
    expect([code, stdout]).toEqual([0, 'all that the snapshot holds is as it was before the mission\n']);
    expect(stderr).toContain('not in the snapshot: pipe (special file); it stays as it is');
    expect((await rh('diff', 'last', ...MEMORY)).code).toBe(2);
    const pruned = await rh('workspace', 'prune', '--workspace', repository, '--older-than', '0m', ...MEMORY);
    expect([pruned.code, pruned.stdout]).toEqual([0, expect.stringContaining('(snapshots of 1 mission)')]);
    expect((await rh('diff', 'last', '--workspace', repository)).code).toBe(2);
  }, 120_000);

  const asRoot = process.getuid?.() === 0 ? test : test.skip;
  asRoot(
    'says before anything starts that root owns the directory',
    async () => {
      await cp(repository, `${repository}-root`, { recursive: true });
      const args = ['--sandbox', 'on', 'run', 'missions/quick.yaml', '--workspace', `${repository}-root`, ...MEMORY];
      const { code, stdout, stderr } = await runInPipe(clone, args, {});
      await rm(`${repository}-root`, { recursive: true });
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/belongs to root and is not empty; .*chown -R 61337:61337/);
      await chown(join(repository, 'first_agent.txt'), 61337, 61337);
      const warned = await runInPipe(clone, ['run', 'missions/wrong.yaml', '--workspace', repository, ...MEMORY], {});
      expect(warned.stderr).toContain('agents cannot change what others own in');
    },
    120_000,
  );
});
