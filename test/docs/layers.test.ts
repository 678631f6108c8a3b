import { LAYERS } from '../architecture/support/rules.js';
import { readPage } from './support/markdown.js';

/** Rows of the table of layers: name and what it may import, in order. */
const rows = [...readPage('docs/architecture.md').matchAll(/^\| `([a-z/]+)` \| [^|]+ \| ([^|]+) \|$/gm)].map(
  ([, name = '', imports = '']) => ({ name, imports }),
);

/** The imports of a layer in the table's words. */
function importsOf(name: string): string {
  const rule = LAYERS[name];
  if (rule === undefined) return 'no such layer';
  if (rule.imports === 'anything') return 'anything but main';
  const above = rows
    .slice(
      0,
      rows.findIndex((row) => row.name === name),
    )
    .map((row) => row.name);
  const { imports } = rule;
  if (above.length > 3 && above.every((each) => imports.includes(each))) return 'all above';
  return imports.join(', ') || 'nothing';
}

describe('the table of layers in docs/architecture.md', () => {
  test('says what each layer may import', () => {
    expect(rows).toEqual(rows.map(({ name }) => ({ name, imports: importsOf(name) })));
  });

  test('names every layer that there is', () => {
    const present = Object.entries(LAYERS).flatMap(([name, { later }]) => (later ? [] : [name]));
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(present));
  });
});
