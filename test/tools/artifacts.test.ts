import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, mkdir, mkdtemp, readdir, realpath, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ARTIFACT_LIMITS } from '../../src/domain/artifacts.js';
import { createRedactor } from '../../src/domain/redaction.js';
import { keepArtifacts, openArtifact, openKeptArtifact, removeLeftLists } from '../../src/tools/artifacts/kept.js';
import { listArtifacts } from '../../src/tools/artifacts/list.js';
import { forgetDirectories, noteDirectory, notedDirectories } from '../../src/tools/given-directories.js';
import { openOutput } from '../../src/tools/artifacts/output.js';
import { artifactPatterns } from '../../src/tools/artifacts/patterns.js';
import { workspaceMarker } from '../../src/tools/places.js';
import { SANDBOX_ACCOUNT } from '../../src/tools/account.js';
import { createHarness, removeTemporaryDirectories } from './harness.js';

afterAll(removeTemporaryDirectories);

const run = promisify(execFile);
const never = new AbortController().signal;
const SECRET = 'correct-horse-battery';
const redact = createRedactor([SECRET]);
const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const MISSION = '20261123-141502-417-p05-x7k2';
const TASK = 'deploy-cert_agent-wave1';

describe('patterns', () => {
  const PATHS = [
    'a.md',
    'report/a.md',
    'report/b.txt',
    'report/x/c.md',
    'dist/a.js',
    'dist/x/b.js',
    'dist/.map',
    '.env',
  ];
  const named = (...patterns: string[]) => {
    const { naming, leadingBelow } = artifactPatterns(patterns);
    const found = PATHS.filter((path) => naming(path).length > 0);
    // Each directory on the way is looked into.
    for (const path of found)
      for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1))
        expect([path, leadingBelow(path.slice(0, at)).length > 0]).toEqual([path, true]);
    return found;
  };

  test.each([
    [['*.md'], ['a.md']],
    [['report/*.md'], ['report/a.md']],
    [['**/*.md'], ['a.md', 'report/a.md', 'report/x/c.md']],
    [['report/**/*.md'], ['report/a.md', 'report/x/c.md']],
    [['dist/**'], ['dist/a.js', 'dist/x/b.js']],
    [['dist'], ['dist/a.js', 'dist/x/b.js']],
    [['dis?/[ax].js'], ['dist/a.js']],
    [['**'], PATHS.filter((path) => !path.includes('.env') && !path.includes('.map'))],
    [['.env'], ['.env']],
    [['dist/.*'], ['dist/.map']],
    [['nothing'], []],
    [
      ['a.md', 'dist/x/*'],
      ['a.md', 'dist/x/b.js'],
    ],
  ])('%j name %j', (patterns, paths) => {
    expect(named(...patterns)).toEqual(paths);
  });

  test('directories that lead nowhere are not looked into', () => {
    const { leadingBelow } = artifactPatterns(['report/*.md', 'a/b/**']);
    expect(
      ['report', 'a', 'a/b', 'a/b/c', 'report/x', 'dist', 'a/c', '.git'].filter(
        (path) => leadingBelow(path).length > 0,
      ),
    ).toEqual(['report', 'a', 'a/b', 'a/b/c']);
  });

  test('many stars take no time', () => {
    const { naming } = artifactPatterns([`${'*a'.repeat(40)}*b`, `${'**/'.repeat(20)}x`]);
    const startedMs = performance.now();
    expect(naming('a'.repeat(255))).toEqual([]);
    expect(naming('a/'.repeat(60).slice(0, -1))).toEqual([]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
});

describe('the artifacts of a workspace', () => {
  let root: string;
  let workspace: string;
  let outside: string;
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-artifacts-')));
    outside = await realpath(await mkdtemp(join(tmpdir(), 'ravenhelm-outside-')));
    workspace = join(root, MISSION);
    await mkdir(join(root, '.ravenhelm'));
    await mkdir(workspace);
  });
  afterEach(async () => {
    for (const directory of [root, outside]) await rm(directory, { recursive: true, force: true });
  });

  const put = async (path: string, text: string) => {
    await mkdir(join(workspace, path, '..'), { recursive: true });
    await writeFile(join(workspace, path), text);
  };
  const list = (patterns: readonly string[], limits = ARTIFACT_LIMITS, holdsState = false) =>
    listArtifacts({ workspace, holdsState }, { patterns, redact, late: never, signal: never, limits });
  const keep = async (patterns: readonly string[]) => {
    const facts = await list(patterns);
    await keepArtifacts(root, { missionId: MISSION, taskId: TASK, holdsState: false }, facts);
    return facts;
  };
  const openKept = (digest: string, missionId = MISSION, taskId = TASK) =>
    openKeptArtifact(root, { missionId, taskId, digest }, never);
  const contentOf = async (opened: Awaited<ReturnType<typeof openKept>>) => {
    if (typeof opened === 'string') return opened;
    const text = await opened.file.readFile('utf8');
    await opened.file.close();
    return text;
  };

  test('are regular files with size and sha256, in order; a pattern without a file is named', async () => {
    await put('report/b.md', 'two');
    await put('report/a.md', 'one!');
    await put('dist/deep/x.js', '');
    await put('other.txt', 'no');
    expect(await list(['report/*.md', 'dist/**', '*.log', 'report/a.md'])).toMatchObject({
      directory: workspace,
      host: expect.stringMatching(/./),
      files: [
        { path: 'dist/deep/x.js', bytes: 0, digest: sha256('') },
        { path: 'report/a.md', bytes: 4, digest: sha256('one!') },
        { path: 'report/b.md', bytes: 3, digest: sha256('two') },
      ],
      unmatched: ['*.log'],
      leftOut: [],
      leftOutCount: 0,
    });
  });

  test('no link is followed, and neither a pipe nor a file with a secret is listed', async () => {
    await put('out/a.txt', 'fine');
    await put('out/key.txt', `x ${SECRET} y`);
    await put('out/large.txt', `${'x'.repeat(300_000)}${SECRET}`);
    await writeFile(join(outside, 'passwd'), 'root');
    await symlink(join(outside, 'passwd'), join(workspace, 'out/link'));
    await symlink('a.txt', join(workspace, 'out/inner'));
    await symlink(outside, join(workspace, 'out/dir'));
    await symlink(outside, join(workspace, 'linked'));
    await run('mkfifo', [join(workspace, 'out/pipe')]);
    const { files, leftOut, unmatched } = await list(['out', 'linked/**']);
    expect(files.map(({ path }) => path)).toEqual(['out/a.txt']);
    expect(new Map(leftOut.map(({ path, why }) => [path, why]))).toEqual(
      new Map([
        ['out/dir', 'it is a symbolic link'],
        ['out/inner', 'it is a symbolic link'],
        ['out/link', 'it is a symbolic link'],
        ['out/pipe', 'it is no regular file'],
        ['out/key.txt', 'it holds a secret'],
        ['out/large.txt', 'it holds a secret'],
      ]),
    );
    expect(unmatched).toEqual(['linked/**']);
  });

  test('the state directory of a given workspace is none of its files, whatever the pattern', async () => {
    await put('.ravenhelm/workspace-id', 'marker-of-it');
    await put('.ravenhelm/runs/a', 'x');
    const { files, unmatched } = await list(['.ravenhelm/**', '**/workspace-id', '.*'], ARTIFACT_LIMITS, true);
    expect([files, unmatched]).toEqual([[], ['.ravenhelm/**', '**/workspace-id', '.*']]);
  });

  test('more files, longer paths, larger files and more bytes than the limits are left out, and counted', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await put(`out/${name}`, name.repeat(10));
    const limits = (changes: object) => list(['out'], { ...ARTIFACT_LIMITS, ...changes });
    const why = ({ leftOut }: Awaited<ReturnType<typeof list>>) => leftOut.map((each) => `${each.path}: ${each.why}`);
    const few = await limits({ files: 2 });
    expect(few.files.map(({ path }) => path)).toEqual(['out/a', 'out/b']);
    expect(why(few)).toEqual([
      'out/c: the task has more than 2 artifacts',
      'out/d: the task has more than 2 artifacts',
    ]);
    expect(why(await limits({ pathBytes: 16 }))).toEqual([expect.stringContaining('out/d: the paths of')]);
    expect(why(await limits({ bytes: 30 }))).toEqual([expect.stringContaining("out/d: the task's artifacts have")]);
    await put('out/a', 'a'.repeat(2_000_000));
    expect(why(await limits({ fileBytes: 1024 * 1024 }))).toEqual(['out/a: it has more than 1 MiB']);
    expect(await limits({ files: 1, leftOut: 1 })).toMatchObject({ leftOut: [expect.anything()], leftOutCount: 3 });
  });

  test('a file whose path holds a secret is left out, and the path is redacted', async () => {
    await put(`out/of-${SECRET}/a.md`, 'x');
    await put(`out/${SECRET}.md`, 'x');
    await put('out/b.md', 'x');
    await symlink('b.md', join(workspace, `out/link-${SECRET}`));
    const { files, leftOut, leftOutCount } = await list(['out']);
    expect(files.map(({ path }) => path)).toEqual(['out/b.md']);
    const why = 'its path holds a secret';
    expect(leftOut.map((one) => one.why)).toEqual([why, why, why]);
    expect(leftOutCount).toBe(3);
    expect(JSON.stringify(leftOut)).not.toContain(SECRET);
  });

  test('where a worker cannot keep the list, the result has it all the same', async () => {
    const harness = await createHarness();
    const given = join(outside, 'given');
    await mkdir(given);
    await writeFile(join(given, 'a.md'), 'x');
    // Agents never run as root, which owns a directory that root has made.
    if (process.getuid?.() === 0) await chown(given, SANDBOX_ACCOUNT.uid, SANDBOX_ACCOUNT.gid);
    const task = { ...harness.task(), workspace: given, workspaceMarker: await workspaceMarker(given) };
    await mkdir(join(harness.root, '.ravenhelm'), { recursive: true });
    await writeFile(join(harness.root, '.ravenhelm/artifacts'), 'no directory');
    const { files } = await harness.executor.listArtifacts(task, ['*.md'], 10_000, never);
    expect(files).toEqual([{ path: 'a.md', bytes: 1, digest: sha256('x') }]);
  });

  test('a sparse file of terabytes is not read', async () => {
    await put('out/huge', '');
    await truncate(join(workspace, 'out/huge'), 2 ** 40);
    expect(await list(['out'])).toMatchObject({ files: [], leftOut: [{ path: 'out/huge' }] });
  });

  test('what is asked of a stopped listing rejects with the reason', async () => {
    for (let at = 0; at < 300; at += 1) await put(`out/${at}`, 'x');
    const reason = new Error('stopped');
    await expect(
      listArtifacts(
        { workspace, holdsState: false },
        { patterns: ['out'], redact, late: never, signal: AbortSignal.abort(reason) },
      ),
    ).rejects.toBe(reason);
  });

  test('what is not read in time is left out', async () => {
    await put('out/a', 'a');
    await put('out/b', 'b');
    const late = AbortSignal.abort();
    await put('a.txt', 'a');
    const options = { patterns: ['out', '*.log', 'a.txt', 'dist/**'], redact, late, signal: never };
    const { files, leftOut, unmatched } = await listArtifacts({ workspace, holdsState: false }, options);
    const why = 'it was not read in time';
    expect([files, unmatched]).toEqual([[], ['*.log', 'dist/**']]);
    // A directory is not looked into.
    expect(leftOut.toSorted((one, other) => (one.path < other.path ? -1 : 1))).toEqual([
      { path: 'a.txt', why },
      { path: 'out', why },
    ]);
  });

  test('what was listed is opened by its digest, in its mission and task only', async () => {
    await put('a.txt', 'content');
    await put('b.txt', 'not listed');
    await keep(['a.txt']);
    await keep(['a.txt']);
    expect(await readdir(join(root, '.ravenhelm/artifacts', MISSION, TASK))).toHaveLength(1);
    expect(await contentOf(await openKept(sha256('content')))).toBe('content');
    expect(await openKept(sha256('not listed'))).toBe('unknown');
    expect(await openKept(sha256('content'), 'another')).toBe('unknown');
    expect(await openKept(sha256('content'), MISSION, 'another')).toBe('unknown');
  });

  test('a file that has changed, is gone, or was replaced by a link or a pipe is not opened', async () => {
    await put('d/a.txt', 'content');
    await keep(['d']);
    const digest = sha256('content');
    await put('d/a.txt', 'CONTENT');
    expect(await openKept(digest)).toBe('changed');
    await rm(join(workspace, 'd/a.txt'));
    expect(await openKept(digest)).toBe('gone');
    // The same content behind a link is not that file.
    await writeFile(join(outside, 'a.txt'), 'content');
    await symlink(join(outside, 'a.txt'), join(workspace, 'd/a.txt'));
    expect(await openKept(digest)).toBe('changed');
    await rm(join(workspace, 'd'), { recursive: true });
    await symlink(outside, join(workspace, 'd'));
    expect(await openKept(digest)).toBe('changed');
    await rm(join(workspace, 'd'));
    await mkdir(join(workspace, 'd'));
    await run('mkfifo', [join(workspace, 'd/a.txt')]);
    expect(await openKept(digest)).toBe('changed');
    // Back in its place it is served again.
    await rm(join(workspace, 'd/a.txt'));
    await put('d/a.txt', 'content');
    expect(await contentOf(await openKept(digest))).toBe('content');
  });

  test('a path that leads out of the workspace is never opened, whatever a list or an event says', async () => {
    await writeFile(join(outside, 'x'), 'secret');
    await rename(join(outside, 'x'), join(root, 'x'));
    const place = { workspace, holdsState: false };
    for (const path of ['../x', '/x', `${root}/x`, 'a/../../x', '', '.', 'x\0'])
      expect([path, await openArtifact(place, { path, digest: sha256('secret') }, never)]).toEqual([path, 'gone']);
    await put('.ravenhelm/key', 'secret');
    for (const path of ['.ravenhelm', '.ravenhelm/key'])
      expect(
        await openArtifact({ workspace, holdsState: true }, { path, digest: sha256('secret') }, never),
      ).not.toEqual(expect.objectContaining({ bytes: 6 }));
  });

  test('what is no list has no files; lists of workspaces that were removed go with them', async () => {
    await put('a.txt', 'content');
    await keep(['a.txt']);
    await writeFile(join(root, '.ravenhelm/artifacts', MISSION, TASK, 'b.json'), '{"files":');
    expect(await contentOf(await openKept(sha256('content')))).toBe('content');
    await removeLeftLists(root);
    expect(await readdir(join(root, '.ravenhelm/artifacts'))).toEqual([MISSION]);
    await rm(workspace, { recursive: true });
    await removeLeftLists(root);
    expect(await readdir(join(root, '.ravenhelm/artifacts'))).toEqual([]);
    await removeLeftLists(join(root, 'nowhere'));
  });

  describe('the output of a step', () => {
    const outputs = () => join(root, '.ravenhelm/runs', MISSION, TASK, 'outputs');
    const write = async (stdout: string, stderr: string) => {
      await mkdir(outputs(), { recursive: true });
      await writeFile(join(outputs(), 'a1-s2.stdout'), stdout);
      await writeFile(join(outputs(), 'a1-s2.stderr'), stderr);
    };
    const wanted = { missionId: MISSION, taskId: TASK, attempt: 1, step: 2 };
    const opened = async (digest: string, isError = false) => {
      const found = await openOutput(root, { ...wanted, digest, isError }, redact, never);
      return typeof found === 'string' ? found : contentOf(found);
    };

    test('is either stream, if both are what the journal says', async () => {
      await write('out', 'err');
      const digest = sha256('outerr');
      expect([await opened(digest), await opened(digest, true)]).toEqual(['out', 'err']);
      expect(await opened(sha256('out'))).toBe('changed');
      await rm(join(outputs(), 'a1-s2.stderr'));
      expect(await opened(digest)).toBe('gone');
      await symlink(join(outside, 'x'), join(outputs(), 'a1-s2.stderr'));
      expect(await opened(digest)).toBe('gone');
    });

    test('of a directory from --workspace is found where workers of this root have run', async () => {
      const runs = join(outside, '.ravenhelm/runs', MISSION, TASK, 'outputs');
      await mkdir(runs, { recursive: true });
      await writeFile(join(runs, 'a1-s2.stdout'), 'out');
      await writeFile(join(runs, 'a1-s2.stderr'), '');
      expect(await opened(sha256('out'))).toBe('gone');
      await noteDirectory(root, outside);
      await noteDirectory(root, outside);
      expect(await notedDirectories(root)).toEqual([outside]);
      expect(await opened(sha256('out'))).toBe('out');
      await rm(outside, { recursive: true });
      expect(await opened(sha256('out'))).toBe('gone');
      await forgetDirectories(root);
      expect(await notedDirectories(root)).toEqual([]);
    });

    test('is not handed out with a secret in it', async () => {
      await write(`see ${SECRET}`, 'err');
      const digest = sha256(`see ${SECRET}err`);
      expect([await opened(digest), await opened(digest, true)]).toEqual(['secret', 'err']);
    });
  });
});
