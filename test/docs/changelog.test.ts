import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT, readPage } from './support/markdown.js';

const source = readdirSync(join(PROJECT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(PROJECT, 'src', name), 'utf8'))
  .join('\n');

/** Rows of the table below a heading of CHANGELOG.md, its names without their code marks. */
function renames(heading: string): readonly { readonly before: readonly string[]; readonly after: string }[] {
  const [, section = ''] = readPage('CHANGELOG.md').split(`#### ${heading}\n`);
  const names = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  return [...(section.split('\n#')[0] ?? '').matchAll(/^\| (`.*?) \| (`.*?) \| .* \|$/gm)].map(
    ([, before = '', after = '']) => ({
      before: names(before),
      after: names(after)[0] ?? '',
    }),
  );
}

describe('CHANGELOG.md', () => {
  test('lists log events by the names that the sources use, and none by a name that they still use', () => {
    const rows = renames('Renamed log events');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ after }) => !source.includes(`'${after}'`))).toEqual([]);
    expect(rows.flatMap(({ before }) => before).filter((name) => source.includes(`'${name}'`))).toEqual([]);
  });

  test('lists exit codes in the same way', () => {
    const rows = renames('Renamed exit codes');
    expect(rows.length).toBeGreaterThan(0);
    const isUsed = (name: string) => new RegExp(`\\b${name.replace('.', '\\.')}\\b`).test(source);
    expect(rows.filter(({ after }) => !isUsed(after))).toEqual([]);
    expect(rows.flatMap(({ before }) => before).filter(isUsed)).toEqual([]);
  });
});
