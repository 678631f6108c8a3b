import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathsNamedBy } from '../../src/domain/check-paths.js';
import type { BaselineCall, ProtectionRules, TaskPlace } from '../../src/ports/tools.js';
import { FenceLost, ProtectionTooLarge } from '../../src/ports/tools.js';
import { byteLength, SIZES } from '../../src/domain/sizes.js';
import { encodeBaseline } from '../../src/domain/baseline.js';
import { listingDifferences, listTree } from '../../src/tools/listing.js';
import { matchesOf } from '../../src/tools/path-patterns.js';
import { createHarness, never, removeTemporaryDirectories, type Harness } from './harness.js';

/** Of two workers. Of those where both had one place for what their checks had come to, one in a hundred did harm. */
const RACES = Number(process.env['RAVENHELM_TEST_RACES'] ?? 10);

let harness: Harness;

afterEach(removeTemporaryDirectories);
beforeEach(async () => {
  harness = await createHarness();
  await harness.executor.prepareWorkspace(harness.task());
});

const put = (path: string, text: string) => {
  const place = join(harness.workspace(), path);
  mkdirSync(join(place, '..'), { recursive: true });
  writeFileSync(place, text);
  return place;
};
const remove = (path: string) => rmSync(join(harness.workspace(), path), { recursive: true });

function callOf(commands: readonly string[], options: Partial<BaselineCall & ProtectionRules> = {}): BaselineCall {
  return {
    task: options.task ?? harness.task(),
    claimOffset: options.claimOffset ?? 10,
    checks: commands.map((command) => ({ name: command, command })),
    timeLimitMs: options.timeLimitMs ?? 10_000,
    protection: rulesOf(commands, options),
  };
}
const rulesOf = (commands: readonly string[], options: Partial<ProtectionRules> = {}): ProtectionRules => ({
  listed: options.listed ?? [],
  named: pathsNamedBy(commands),
  changes: options.changes ?? [],
  beside: options.beside ?? { changes: [], creates: [] },
});
const take = (commands: readonly string[], options?: Partial<BaselineCall & ProtectionRules>) =>
  harness.executor.takeBaseline(callOf(commands, options), never);

describe('the checks before the first step', () => {
  test('each runs in the workspace and in an empty directory, whatever the ones before it said', async () => {
    put('a.txt', 'old\n');
    const { checks } = await take([
      'test -f a.txt',
      'exit 3',
      'true',
      'test ! -e a.txt',
      'test -z "$(ls -A)"',
      'grep -q new a.txt',
    ]);
    expect(checks).toEqual([
      { workspace: 0, empty: 1 },
      { workspace: 3, empty: 3 },
      { workspace: 0, empty: 0 },
      { workspace: 1, empty: 0 },
      { workspace: 1, empty: 0 },
      { workspace: 1, empty: 2 },
    ]);
  });

  test('neither place can be written to, and no output is left for the agent to see', async () => {
    const { checks } = await take(['touch made', 'echo said; echo "$WORKSPACE"/x > "$WORKSPACE"/made']);
    expect(checks.every(({ workspace, empty }) => workspace !== 0 && empty !== 0)).toBe(true);
    expect(existsSync(join(harness.workspace(), 'made'))).toBe(false);
    expect(readdirSync(join(harness.runOf(harness.task()), 'outputs'))).toEqual([]);
  });

  test('a check that does not end in its time is stopped, and the next one has its own time', async () => {
    const { checks } = await take(['sleep 30', 'true', 'sleep 30 & wait', 'exit 4'], { timeLimitMs: 500 });
    expect(checks).toEqual([
      { workspace: 124, empty: 124 },
      { workspace: 0, empty: 0 },
      { workspace: 124, empty: 124 },
      { workspace: 4, empty: 4 },
    ]);
  });

  test('a command that ends with 124 by itself has failed', async () => {
    expect((await take(['exit 124'])).checks).toEqual([{ workspace: 1, empty: 1 }]);
  });

  test('a command that is stopped has 124', async () => {
    const { checks } = await take(['sleep 30'], { timeLimitMs: 500 });
    expect(checks).toEqual([{ workspace: 124, empty: 124 }]);
  });

  test('the first baseline of a task is that of every later attempt', async () => {
    const commands = ['test -f made.txt'];
    const first = await take(commands);
    put('made.txt', 'by the first attempt');
    expect(await take(commands, { task: harness.task(undefined, undefined, 2), claimOffset: 20 })).toEqual(first);
    expect(await take([...commands, 'test -d .'], { claimOffset: 30 })).toEqual({
      checks: [
        { workspace: 1, empty: 1 },
        { workspace: -1, empty: -1 },
      ],
      protected: [],
    });
  });

  describe('in a mission that continues another one in its workspace', () => {
    const next = (continuedBy: string, attempt: number): TaskPlace => ({
      ...harness.task(undefined, undefined, attempt),
      continuedBy,
    });

    test('what was there before the first of them counts, whatever its attempts have made since', async () => {
      const [made, held] = ['test -f made.txt', 'test -d .'];
      const first = await take([made]);
      put('made.txt', 'by the first mission');
      const second = await take([made, held], { task: next('20260102', 2), claimOffset: 20 });
      expect(second.checks).toEqual([...first.checks, { workspace: 0, empty: 0 }]);
      rmSync(join(harness.workspace(), 'made.txt'));
      // Also where the second mission knows a check that the first one did not have.
      expect((await take([held, made], { task: next('20260103', 3), claimOffset: 30 })).checks).toEqual(
        second.checks.toReversed(),
      );
    });

    test('a check that no earlier mission knew runs, and only that', async () => {
      await take(['exit 3']);
      put('new.txt', 'by the first mission');
      const { checks } = await take(['test -f new.txt'], { task: next('20260102', 2), claimOffset: 20 });
      expect(checks).toEqual([{ workspace: 0, empty: 1 }]);
    });

    const ASK = 'test -f "$INPUT_FILE"';
    const withFile = (file: string, task = harness.task()): TaskPlace => ({ ...task, inputs: { INPUT_FILE: file } });

    test('a check that names an input runs again with another value, and with the first one no more', async () => {
      const first = await take([ASK, 'test -f made.txt'], { task: withFile('made.txt') });
      expect(first.checks).toEqual([
        { workspace: 1, empty: 1 },
        { workspace: 1, empty: 1 },
      ]);
      put('made.txt', 'by the first mission');
      put('there.txt', 'by a person');
      const second = { task: withFile('there.txt', next('20260102', 2)), claimOffset: 20 };
      // The other check names no input: what the first mission has made does not count.
      expect((await take([ASK, 'test -f made.txt'], second)).checks).toEqual([
        { workspace: 0, empty: 1 },
        { workspace: 1, empty: 1 },
      ]);
      const third = { task: withFile('made.txt', next('20260103', 3)), claimOffset: 30 };
      expect((await take([ASK], third)).checks).toEqual([{ workspace: 1, empty: 1 }]);
      const without = { task: next('20260104', 4), claimOffset: 40 };
      expect((await take([ASK], without)).checks).toEqual([{ workspace: 1, empty: 1 }]);
    });

    test('a file of an older build, which knows no inputs, counts for checks that name none', async () => {
      await take([ASK, 'test -f made.txt'], { task: withFile('made.txt') });
      const file = join(harness.runOf(harness.task()), 'baseline.json');
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/"inputs":(?:"[0-9a-f]+"|null),/g, ''));
      put('made.txt', 'by the first mission');
      const second = { task: withFile('made.txt', next('20260102', 2)), claimOffset: 20 };
      expect((await take([ASK, 'test -f made.txt'], second)).checks).toEqual([
        { workspace: 0, empty: 1 },
        { workspace: 1, empty: 1 },
      ]);
    });

    test('protected files are compared with what is there when its attempt begins', async () => {
      put('spec.txt', 'old');
      const rules = { listed: ['spec.txt'] };
      const before = await take([], rules);
      // A person corrects it between the missions.
      put('spec.txt', 'new');
      const task = next('20260102', 2);
      const again = await take([], { ...rules, task, claimOffset: 20 });
      expect(again.protected).not.toEqual(before.protected);
      const changed = () => harness.executor.changedPaths(task, again.protected, rulesOf([], rules), never);
      expect(await changed()).toEqual([]);
      put('spec.txt', 'weaker');
      expect(await changed()).toEqual(['spec.txt (content)']);
    });

    test('its own later attempts keep its own', async () => {
      await take(['test -f a.txt']);
      const second = await take(['test -f b.txt'], { task: next('20260102', 2), claimOffset: 20 });
      put('b.txt', 'by that attempt');
      expect(await take(['test -f b.txt'], { task: next('20260102', 3), claimOffset: 30 })).toEqual(second);
    });
  });

  test('what a worker of an earlier claim left is removed, and a newer one’s is not', async () => {
    const run = harness.runOf(harness.task());
    const names = (claimOffset: number) => [
      `outputs/a1-before-${claimOffset}-c1.stdout`,
      `a1-before-${claimOffset}-c1.outcome`,
    ];
    mkdirSync(join(run, 'outputs'), { recursive: true });
    for (const name of [...names(9), ...names(11)]) writeFileSync(join(run, name), 'x');
    await take(['true'], { claimOffset: 10 });
    const there = [...names(9), ...names(10), ...names(11)].filter((name) => existsSync(join(run, name)));
    expect(there).toEqual(names(11));
  });

  test('two workers at once keep the same one, and none that says of a check that it did not run', async () => {
    for (let first = 10; first < 10 + 2 * RACES; first += 2) {
      const task = { ...harness.task(), missionId: `race-${first}` };
      const both = await Promise.all(
        [first, first + 1].map((claimOffset) => take(['true'], { task, claimOffset }).catch((error: unknown) => error)),
      );
      expect(both.filter((one) => one instanceof FenceLost).length).toBeLessThan(2);
      expect(await take(['true'], { task, claimOffset: first + 1 })).toEqual({
        checks: [{ workspace: 0, empty: 0 }],
        protected: [],
      });
    }
  });

  test('a check that may run only later runs in an empty directory then, whatever is in the workspace', async () => {
    put('made.txt', 'by the task');
    const { protection: _, ...call } = callOf(['test -f made.txt', 'test ! -e made.txt', 'touch x', 'sleep 30']);
    const codes = await harness.executor.runInEmpty({ ...call, timeLimitMs: 500 }, never);
    expect(codes.map((code) => (code === 0 ? 0 : 1))).toEqual([1, 0, 1, 1]);
    expect(codes.at(-1)).toBe(124);
    expect(readdirSync(join(harness.runOf(harness.task()), 'outputs'))).toEqual([]);
    expect(readdirSync(harness.runOf(harness.task())).filter((name) => name.startsWith('empty'))).toEqual([]);
  });

  test('none is taken behind a newer claim, or after an abort', async () => {
    await harness.executor.takeFence(harness.task(), 50, never);
    await expect(take(['true'])).rejects.toThrow(FenceLost);
    const controller = new AbortController();
    const taking = harness.executor.takeBaseline(callOf(['sleep 30'], { claimOffset: 60 }), controller.signal);
    setTimeout(() => controller.abort(new Error('cancelled')), 100);
    await expect(taking).rejects.toThrow('cancelled');
    expect(existsSync(join(harness.runOf(harness.task()), 'baseline.json'))).toBe(false);
  });

  test('without a sandbox they run as well', async () => {
    harness = await createHarness({ sandbox: 'off' });
    await harness.executor.prepareWorkspace(harness.task());
    put('a.txt', 'x');
    const { checks } = await take(['test -f a.txt', 'test -f "$WORKSPACE"/a.txt', 'true']);
    expect(checks).toEqual([
      { workspace: 0, empty: 1 },
      { workspace: 0, empty: 1 },
      { workspace: 0, empty: 0 },
    ]);
  });

  test('with a sandbox that cannot be built none is run', async () => {
    harness = await createHarness({ sandbox: { ok: false, reason: 'no', fix: 'get it' } });
    expect(await take(['true'])).toEqual({ checks: [{ workspace: -1, empty: -1 }], protected: [] });
  });
});

describe('what a task must not change', () => {
  const changed = async (
    change: () => void,
    commands: readonly string[],
    rules: Partial<ProtectionRules> = {},
    task: TaskPlace = harness.task(),
  ) => {
    const before = await take(commands, rules);
    change();
    return harness.executor.changedPaths(task, before.protected, rulesOf(commands, rules), never);
  };

  test.each<[string, () => void, readonly string[]]>([
    ['nothing', () => undefined, []],
    ['the same content again', () => put('tests/a.mjs', 'a'), []],
    ['content', () => put('tests/a.mjs', 'b'), ['tests/a.mjs (content)']],
    ['a mode', () => chmodSync(join(harness.workspace(), 'tests/a.mjs'), 0o600), ['tests/a.mjs (mode)']],
    ['a file less', () => remove('tests/a.mjs'), ['tests/a.mjs (removed)']],
    ['a file more', () => put('tests/deep/c.mjs', ''), ['tests/deep/c.mjs (created)']],
    [
      'no directory any more',
      () => remove('tests'),
      [
        'tests (removed)',
        'tests/a.mjs (removed)',
        'tests/deep (removed)',
        'tests/deep/b.mjs (removed)',
        'tests/link (removed)',
      ],
    ],
    [
      'a link elsewhere',
      () => (remove('tests/link'), symlinkSync('deep/b.mjs', join(harness.workspace(), 'tests/link'))),
      ['tests/link (content)'],
    ],
    [
      'a link in place of a file',
      () => (remove('tests/a.mjs'), symlinkSync('deep/b.mjs', join(harness.workspace(), 'tests/a.mjs'))),
      ['tests/a.mjs (file replaced by link)'],
    ],
    ['a file beside it', () => put('src/a.mjs', 'new'), []],
  ])('a listed directory: %s', async (_, change, expected) => {
    put('tests/a.mjs', 'a');
    put('tests/deep/b.mjs', 'b');
    put('src/a.mjs', 's');
    symlinkSync('a.mjs', join(harness.workspace(), 'tests/link'));
    expect(await changed(change, [], { listed: ['tests'] })).toEqual(expected);
  });

  test('what a check names and exists; what does not exist yet may be made', async () => {
    put('test/sum.test.mjs', 'test');
    const commands = ['node --test test/sum.test.mjs && test -f out.txt'];
    const change = () => (put('test/sum.test.mjs', 'weaker'), put('out.txt', 'x'));
    expect(await changed(change, commands)).toEqual(['test/sum.test.mjs (content)']);
  });

  test('not what the task says that it changes, at or below the path', async () => {
    put('app/main.js', 'old');
    put('app/test.js', 'test');
    const change = () => (put('app/main.js', 'new'), put('app/test.js', 'weaker'));
    expect(
      await changed(change, ['node --check app/main.js', 'node app/test.js', 'ls app'], { changes: ['app/main.js'] }),
    ).toEqual(['app/test.js (content)']);
    harness = await createHarness();
    await harness.executor.prepareWorkspace(harness.task());
    put('app/main.js', 'old');
    expect(await changed(() => put('app/main.js', 'new'), ['node --check app/main.js'], { changes: [''] })).toEqual([]);
  });

  describe('beside a task that writes in the same directory', () => {
    beforeEach(() => {
      put('secrets/kept.txt', 'k');
      put('secrets/deep/kept.txt', 'k');
    });
    const beside = { changes: ['secrets/mine.txt'], creates: ['secrets/new.cms', 'secrets/keys/a/*.pem', 'secrets'] };
    const named = ['check-all secrets'];

    test.each<[string, () => unknown, readonly string[]]>([
      ['what its check names is there now', () => put('secrets/new.cms', 'x'), []],
      ['with what is below it', () => put('secrets/new.cms/deep/file', 'x'), []],
      ['with the directories that lead to it', () => put('secrets/keys/a/1.pem', 'x'), []],
      ['what it may change', () => put('secrets/mine.txt', 'x'), []],
      ['another file is not its own', () => put('secrets/other.txt', 'x'), ['secrets/other.txt (created)']],
      [
        'nor is another in a directory that leads to its own',
        () => (put('secrets/keys/a/1.pem', 'x'), put('secrets/keys/b', 'x')),
        ['secrets/keys/b (created)'],
      ],
      ['nor is a file that was there', () => put('secrets/kept.txt', 'x'), ['secrets/kept.txt (content)']],
      ['nor one that is gone', () => remove('secrets/kept.txt'), ['secrets/kept.txt (removed)']],
    ])('%s', async (_, change, expected) => {
      expect(await changed(change, named, { beside })).toEqual(expected);
    });

    test('a file that its check names and that was there is not to be changed', async () => {
      put('secrets/new.cms', 'old');
      const change = () => (put('secrets/new.cms', 'new'), put('secrets/new.cms.bak', 'x'));
      expect(await changed(change, named, { beside })).toEqual([
        'secrets/new.cms (content)',
        'secrets/new.cms.bak (created)',
      ]);
    });

    test('whatever is new, where there are too many to name', async () => {
      const change = () => (put('secrets/other.txt', 'x'), put('secrets/kept.txt', 'x'), put('secrets/deep/n', 'x'));
      const filled = { changes: [], creates: ['secrets/deep/'] };
      expect(await changed(change, named, { beside: filled })).toEqual([
        'secrets/kept.txt (content)',
        'secrets/other.txt (created)',
      ]);
      remove('secrets/deep/n');
    });

    test('a directory that the task lists is kept against all that is not said to change in it', async () => {
      const change = () => (put('secrets/new.cms', 'x'), put('secrets/mine.txt', 'x'));
      expect(await changed(change, [], { listed: ['secrets'], beside })).toEqual(['secrets/new.cms (created)']);
    });

    test('what its own check names and was not there before', async () => {
      const change = () => (put('secrets/own.txt', 'x'), put('secrets/own2.txt', 'x'));
      expect(await changed(change, [...named, 'grep -q x secrets/own.txt'])).toEqual(['secrets/own2.txt (created)']);
    });

    test('the tests that both name are kept against both', async () => {
      const change = () => (put('secrets/kept.txt', 'weaker'), put('secrets/setup.mjs', 'x'));
      expect(await changed(change, named, { beside: { changes: [], creates: ['secrets'] } })).toEqual([
        'secrets/kept.txt (content)',
        'secrets/setup.mjs (created)',
      ]);
    });

    test('another attempt may have other rules than the one that looked first', async () => {
      const before = await take(named);
      put('secrets/new.cms', 'x');
      put('secrets/deep/kept.txt', 'x');
      put('secrets/kept.txt', 'x');
      const rules = rulesOf(named, { changes: ['secrets/deep'], beside });
      expect(await harness.executor.changedPaths(harness.task(), before.protected, rules, never)).toEqual([
        'secrets/kept.txt (content)',
      ]);
    });
  });

  test('a listed path wins over a change above it, and counts also while nothing is there', async () => {
    const change = () => (put('app/test.js', 'made'), put('app/main.js', 'new'));
    expect(await changed(change, [], { listed: ['app/test.js'], changes: ['app'] })).toEqual(['app/test.js (created)']);
  });

  test('a directory that a check only asks for may be filled', async () => {
    put('src/old.js', 'x');
    expect(await changed(() => put('src/new.js', 'y'), ['test -d src && test -f src/new.js'])).toEqual([]);
  });

  test('the files that a pattern matches', async () => {
    put('test/a.test.mjs', 'a');
    put('test/deep/b.test.mjs', 'b');
    const change = () => (put('test/a.test.mjs', ''), put('test/deep/b.test.mjs', ''), put('test/new.test.mjs', ''));
    expect(await changed(change, ['node --test test/*.mjs "test/**/b.*"'])).toEqual([
      'test/a.test.mjs (content)',
      'test/deep/b.test.mjs (content)',
    ]);
  });

  test('the file that a link leads to, if it is in the workspace', async () => {
    put('real.mjs', 'a');
    symlinkSync('real.mjs', join(harness.workspace(), 'check.mjs'));
    symlinkSync('/etc/hostname', join(harness.workspace(), 'outside'));
    expect(await changed(() => put('real.mjs', 'b'), ['node check.mjs', 'cat outside'])).toEqual([
      'check.mjs (target) (content)',
    ]);
  });

  test('a word that can be no file name is none', async () => {
    const word = 'NAME'.repeat(100);
    expect(await changed(() => undefined, [`node check.mjs ${word} ${word}/*.js`])).toEqual([]);
  });

  test('what is no regular file is listed without being read', async () => {
    await harness.sh(
      'mkdir pipes && mkfifo pipes/p && ln -s loop pipes/loop && mkdir pipes/shut && chmod 000 pipes/shut',
    );
    expect(await changed(() => undefined, ['ls pipes'])).toEqual([]);
  });

  test('a large file is compared by its content', async () => {
    const large = Buffer.alloc(40 * 1024 * 1024, 'x');
    put('data.bin', large.toString());
    large[large.length - 1] = 121;
    const before = process.memoryUsage().arrayBuffers;
    const differs = await changed(() => put('data.bin', large.toString()), ['sha256sum data.bin']);
    expect(differs).toEqual(['data.bin (content)']);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  test('the digests of the journal count, not what is kept beside them', async () => {
    put('a.txt', 'a');
    const before = await take(['cat a.txt']);
    put('a.txt', 'b');
    const kept = join(harness.runOf(harness.task()), 'baseline.json');
    writeFileSync(kept, readFileSync(kept, 'utf8').replaceAll(/[0-9a-f]{64}/g, 'f'.repeat(64)));
    expect(await harness.executor.changedPaths(harness.task(), before.protected, rulesOf([]), never)).toEqual([
      'a.txt (changed)',
    ]);
  });
});

describe('more than can be watched', () => {
  const many = (count: number, nameOf: (index: number) => string) => {
    mkdirSync(join(harness.workspace(), 'many'), { recursive: true });
    for (let index = 0; index < count; index += 1) put(`many/${nameOf(index)}`, '');
  };
  const refusal = async (taking: Promise<unknown>): Promise<string> => {
    const error: unknown = await taking.then(
      () => 'nothing was refused',
      (refused: unknown) => refused,
    );
    expect(error).toBeInstanceOf(ProtectionTooLarge);
    return String(error);
  };

  test('a pattern protects 1,000 paths; with one more the task does not begin, and both are named', async () => {
    many(1_000, (index) => `f${index}.txt`);
    expect((await take(['cat many/*.txt'])).protected).toHaveLength(1_000);
    const other = { task: harness.task('another-task') };
    put('many/one-more.txt', '');
    const text = await refusal(take(['cat many/*.txt'], other));
    expect(text).toContain(
      'what another-task must not change cannot be watched: "many/*.txt" matches more than 1000 paths',
    );
    expect(text).toContain('list what it may change in `changes`');
    expect(existsSync(join(harness.runOf(other.task), 'baseline.json'))).toBe(false);
    // The advice helps.
    expect((await take(['cat many/*.txt'], { ...other, changes: ['many'] })).protected).toEqual([]);
  });

  test('a path with a variable in it protects 200 paths; with more of them none, and the task begins', async () => {
    many(200, (index) => `f${index}.txt`);
    expect((await take(['cat many/$NAME.txt'])).protected).toHaveLength(200);
    put('many/one-more.txt', '');
    const other = { task: harness.task('another-task') };
    expect((await take(['cat many/$NAME.txt; cat many/f0.txt'], other)).protected.map(({ path }) => path)).toEqual([
      'many/f0.txt',
    ]);
    many(1_001, (index) => `g${index}.txt`);
    expect((await take(['cat many/$NAME.txt'], { task: harness.task('a-third') })).protected).toEqual([]);
  });

  test('a pattern that would have to be searched for in more directories than there is time for', async () => {
    for (const directory of ['a/1', 'a/2', 'b/1']) put(`d/${directory}/last.test.js`, '');
    const options = { root: harness.workspace(), hidden: null, signal: never };
    const find = (directories: number, leftOut: string | null = null) =>
      matchesOf('d/**/*.test.js', { ...options, isLeftOut: (path) => path === leftOut }, { matches: 3, directories });
    // d and the five below it, each for its own names and for those of its directories.
    expect(await find(12)).toEqual(['d/a/1/last.test.js', 'd/a/2/last.test.js', 'd/b/1/last.test.js']);
    await expect(find(11)).rejects.toThrow('would have to be searched for in more than 11 directories');
    expect(await find(11, 'd/b')).toEqual(['d/a/1/last.test.js', 'd/a/2/last.test.js']);
  });

  test('what the first record cannot carry is refused with its size and the limit', async () => {
    const name = (index: number) => `${'n'.repeat(200)}${index}`;
    many(800, name);
    expect(await refusal(take(['cat many/*']))).toMatch(
      /800 paths with their digests have \d+ bytes, and a record takes 131072/,
    );
    for (let index = 400; index < 800; index += 1) remove(`many/${name(index)}`);
    const baseline = await take(['cat many/*'], { task: harness.task('another-task') });
    expect(baseline.protected).toHaveLength(400);
    expect(byteLength(encodeBaseline(baseline))).toBeLessThanOrEqual(SIZES.baseline);
  });

  test('a directory that is deeper than it can be looked into', async () => {
    const deep = (levels: number) => join(harness.workspace(), 'top', ...Array<string>(levels).fill('d'));
    mkdirSync(deep(63), { recursive: true });
    const before = await take(['ls top']);
    expect(before.protected).toHaveLength(1);
    mkdirSync(deep(70), { recursive: true });
    expect(await harness.executor.changedPaths(harness.task(), before.protected, rulesOf([]), never)).not.toEqual([]);
    expect(await refusal(take(['ls top'], { task: harness.task('another-task') }))).toMatch(
      /another-task must not change cannot be watched: "top(\/d)+…" is deeper in a protected directory/,
    );
  });

  test('of a directory with more than is listed each file counts with its content all the same', async () => {
    for (const name of ['a/1', 'a/2', 'b/1', 'b/2', 'b/deep/3']) put(`large/${name}`, 'x');
    const list = () =>
      listTree('large', { root: harness.workspace(), hidden: null, isLeftOut: () => false, signal: never }, 6);
    const before = await list();
    expect(before.map(({ path }) => path)).toEqual(['large', 'large/a', 'large/a/1', 'large/a/2', 'large/b']);
    expect(await list()).toEqual(before);
    put('large/b/deep/3', 'y');
    expect(listingDifferences(before, await list())).toMatchObject([{ path: 'large/b', what: 'content' }]);
  });
});
