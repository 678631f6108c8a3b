import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
const run = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/check-words.mjs', ...args], { cwd: project, encoding: 'utf8' });

/** Listed words are put together here, so that this file passes the check that it tests. */
const word = (...parts: string[]): string => parts.join('');

describe('the check of words', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'ravenhelm-words-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  const check = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return run(dir);
  };

  test('passes a text without listed words', () => {
    expect(check('a.ts', '// The worker retries the step.\nexport const goingOnward = 1;\n')).toMatchObject({
      status: 0,
      stdout: '',
    });
  });

  test('names the place, the word and what to write instead', () => {
    const { status, stdout } = check('a.md', `One line.\nThen ${word('no', 'body')} reads it.\n`);
    expect(status).toBe(1);
    expect(stdout).toMatch(new RegExp(`a\\.md:2: "${word('no', 'body')}" → name the subject`));
  });

  test.each([
    ['a comment', 'a.ts', `/**\n * The partition ${word('go', 'es')}\n * on at once.\n */\n`],
    ['a joined string', 'a.ts', `const text = 'the partition ${word('go', 'es')} ' +\n  'on at once';\n`],
    ['a YAML comment', 'a.yaml', `# The partition ${word('go', 'es')}\n# on at once.\n`],
  ])('finds two words on both sides of a line break in %s', (_, name, text) => {
    expect(check(name, text)).toMatchObject({ status: 1, stdout: expect.stringContaining(word('go', 'es on')) });
  });

  test.each([
    [`what ${word('becomes', ' of')} them`],
    [`what ${word('became', ' of')} it`],
    [`a text ${word('stands', ' between')} two marks`],
    [`names ${word('stand', ' under')} a prefix`],
    [`${word('no', ' one')} reads it`],
    [`heartbeats ${word('have', ' told')} it`],
    [`a worker ${word('goes', ' on')} at once`],
  ])('finds the inflection in: %s', (sentence) => {
    expect(check('a.md', `${sentence}\n`)).toMatchObject({ status: 1, stdout: expect.stringContaining('a.md:1: "') });
  });

  test('leaves generated files and binaries alone', () => {
    expect(check('a.png', word('no', 'body')).status).toBe(0);
  });

  test('finds every listed word', () => {
    const list: [string, string][] = JSON.parse(run('--list').stdout);
    expect(list.length).toBeGreaterThan(20);
    const samples = list.flatMap(([pattern]) =>
      pattern.replace(/\(([^)]*)\)/g, (_, options) => options.split('|')[0]).split('|'),
    );
    writeFileSync(join(dir, 'all.md'), samples.join('\n.\n'));
    const found = run(dir)
      .stdout.split('\n')
      .filter((line) => line.includes('all.md'));
    expect(new Set(found.map((line) => /all\.md:(\d+)/.exec(line)?.[1])).size).toBe(samples.length);
  });
});
