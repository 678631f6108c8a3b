import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { anchorsOf, pages, prose, PROJECT, readPage } from './support/markdown.js';

/** Links of a page that lead nowhere: a missing file, or a heading that the page does not have. */
function brokenLinks(page: string, markdown: string): readonly string[] {
  const targets = [...prose(markdown).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .flatMap((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : posix.join(posix.dirname(page), decodeURIComponent(path));
      if (file.startsWith('..') || !existsSync(join(PROJECT, file))) return [`${page}: ${target}: no such file`];
      if (anchor === undefined || statSync(join(PROJECT, file)).isDirectory()) return [];
      const text = file === page ? markdown : readPage(file);
      return anchorsOf(text).has(anchor) ? [] : [`${page}: ${target}: no such heading`];
    });
}

describe('the links of the documentation', () => {
  test('lead to files and headings that exist', () => {
    expect(pages().length).toBeGreaterThan(15);
    expect(pages().flatMap((page) => brokenLinks(page, readPage(page)))).toEqual([]);
  });

  test('of the README lead to each page of docs/', () => {
    const readme = readPage('README.md');
    const missing = pages().filter((page) => /^docs\/[^/]+\.md$/.test(page) && !readme.includes(`](${page})`));
    expect(missing).toEqual([]);
    expect(readme.split('\n').length).toBeLessThanOrEqual(151);
  });

  test('a README of a folder of src names each folder in it', () => {
    const readmes = pages().filter((page) => /^src\/[^/]+\/README\.md$/.test(page));
    expect(readmes.length).toBeGreaterThan(5);
    for (const readme of readmes) {
      const text = readPage(readme);
      const entries = readdirSync(join(PROJECT, posix.dirname(readme)), { withFileTypes: true });
      const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      expect([readme, folders.filter((name) => !text.includes(`${name}/`))]).toEqual([readme, []]);
    }
  });

  test.each([
    ['a missing file', 'see [x](missing.md)', 'docs/agents.md: missing.md: no such file'],
    ['a file outside the project', 'see [x](../../x.md)', 'docs/agents.md: ../../x.md: no such file'],
    ['a missing heading of the page', '# Here\n[x](#there)', 'docs/agents.md: #there: no such heading'],
    [
      'a missing heading elsewhere',
      '[x](../README.md#no-such)',
      'docs/agents.md: ../README.md#no-such: no such heading',
    ],
  ])('%s is found', (_, markdown, problem) => {
    expect(brokenLinks('docs/agents.md', markdown)).toEqual([problem]);
  });

  test.each([
    ['a heading of the page', '# Two words: `code`, _and_ more\n[x](#two-words-code-_and_-more)'],
    ['an address', '[x](https://example.org/missing.md)'],
    ['a block of code', '```\n[x](missing.md)\n```'],
    ['a span of code', '`[x](missing.md)`'],
  ])('%s is no broken link', (_, markdown) => {
    expect(brokenLinks('docs/agents.md', markdown)).toEqual([]);
  });
});
