/** docs/security.md: each threat names a test that exists. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { PROJECT, readPage } from '../docs/support/markdown.js';
import { testTitles } from './support/test-titles.js';
import { threatsWithoutTest } from './support/threat-rows.js';

const files = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', 'test/*.ts', 'test/*.mjs'],
  {
    cwd: PROJECT,
    encoding: 'utf8',
  },
);
const titles = files
  .split('\n')
  .filter((file) => file !== '')
  .flatMap((file) => testTitles(readFileSync(file, 'utf8')));
const page = readPage('docs/security.md');

test('each threat of docs/security.md has a test that exists', () => {
  expect(threatsWithoutTest(page, titles)).toEqual([]);
});

test('the page has a threat model and threats', () => {
  expect(page).toContain('## Threat model');
  expect(page.match(/^\|(?! threat|---).*\|.*\|.*\|$/gm)?.length).toBeGreaterThan(60);
});

describe('a page that is changed', () => {
  const row = '| something bad | refused | no command, no write and no check begins |';
  const section = (text: string) => `${page}\n\n## More\n\n${text}\n`;
  const table = (line: string) => section(`| threat | answer | test |\n|---|---|---|\n${line}`);

  test('with a new threat that names a test is taken', () => {
    expect(threatsWithoutTest(table(row), titles)).toEqual([]);
  });

  test.each([
    ['a test that does not exist', '| something bad | refused | nothing bad ever happens here |'],
    ['no test', '| something bad | refused | |'],
    ['no third column', '| something bad | refused |'],
    ['words that many tests have', '| something bad | refused | is refused |'],
    ['a text of a comment', '| something bad | refused | names a test that exists |'],
    ['a part of a word of a test', `${row.slice(0, -3)}a |`],
  ])('with %s is refused, and the line is named', (_, line) => {
    expect(threatsWithoutTest(table(line), titles)).toEqual([line]);
  });

  test('with a table of threats without a column for tests is refused', () => {
    const text = '| threat | answer |\n|---|---|\n| something bad | refused |';
    expect(threatsWithoutTest(section(text), titles)).toEqual(['| something bad | refused |']);
  });

  test('with a line of what can be forged that names no test is refused', () => {
    const head = '| it writes | what that does | what holds it up | test |\n|---|---|---|---|';
    const forged = '| a thing | harm | nothing | nothing bad ever happens here |';
    expect(threatsWithoutTest(section(`${head}\n${forged}`), titles)).toEqual([forged]);
    expect(page).toContain(head);
  });

  test('is noticed for every line: each of them without its test', () => {
    const tables = page.matchAll(/^\| (?:threat|it writes) \|.*\n\|[-|]+\n((?:\|.*(?:\n|$))+)/gm);
    const lines = [...tables].flatMap(([, body = '']) => body.trimEnd().split('\n'));
    const changed = page.replaceAll(
      /(?<=^\|(?! threat \|| it writes \||-).*\|)[^|\n]*(?=\|$)/gm,
      ' no such test at all ',
    );
    const found = threatsWithoutTest(changed, titles);
    expect(lines.length).toBeGreaterThan(60);
    expect(found).toHaveLength(lines.length);
  });
});

describe('the titles of a file', () => {
  test('are those of tests and groups, with tables and templates', () => {
    const text = [
      "describe('group', () => { test('one', () => 1); (isRoot ? test : test.skip)('two', async () => 2); });",
      "test.each([[1]])('three %s', (n) => n); wrapped('four', () => inHarness()); test(`five ${x} of`, () => 5);",
      "test.skip('six', () => 6); test.todo('seven'); // test('eight', () => 8)",
      "log('nine'); const text = \"test('ten', () => 10)\";",
    ].join('\n');
    expect(testTitles(text).toSorted()).toEqual(['five %s of', 'four', 'group', 'one', 'three %s', 'two']);
  });
});
