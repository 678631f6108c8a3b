import { findCycles } from '../../scripts/figures/cycles.mjs';
import { importGraph, measure } from '../../scripts/figures/measure.mjs';
import { factsOf } from '../../scripts/figures/syntax.mjs';
import { longTest } from '../support/quick.js';

const ROOT = new URL('../..', import.meta.url).pathname;

const cyclesIn = (sources: Readonly<Record<string, string>>) =>
  findCycles(importGraph(new Map(Object.entries(sources).map(([file, text]) => [file, factsOf(text)]))));

describe('the import graph', () => {
  // npm run check finds cycles, too.
  longTest('has no cycle in src, test, bench, eval, scripts and the files beside them', () => {
    const { folders, cycles } = measure(ROOT);
    expect(cycles).toEqual([]);
    expect(folders.map(({ folder }) => folder)).toEqual(
      expect.arrayContaining(['src', 'test', 'bench', 'eval', 'scripts', 'beside']),
    );
  });

  test.each([
    [
      'of two files',
      { 'src/a.ts': "import { b } from './b.js';", 'src/b.ts': "import { a } from './a.js';" },
      [['src/a.ts', 'src/b.ts']],
    ],
    [
      'that only types close',
      { 'src/a.ts': "import { b } from './b.js';", 'src/b.ts': "import type { A } from './a.js';" },
      [['src/a.ts', 'src/b.ts']],
    ],
    [
      'through a re-export, an import() type and another folder',
      {
        'src/a/a.ts': "export * from '../b/b.js';",
        'src/b/b.ts': "export { c } from './c.js';",
        'src/b/c.ts': "export type A = import('../a/a.js').A;",
      },
      [['src/a/a.ts', 'src/b/b.ts', 'src/b/c.ts']],
    ],
    [
      'through import()',
      { 'src/a.ts': "await import('./b.js');", 'src/b.ts': "import './a.js';" },
      [['src/a.ts', 'src/b.ts']],
    ],
    ['of one file', { 'src/a.ts': "import { a } from './a.js';" }, [['src/a.ts']]],
    ['of modules without types', { 'a.mjs': "import './b.mjs';", 'b.mjs': "import './a.mjs';" }, [['a.mjs', 'b.mjs']]],
  ])('shows a planted cycle %s', (_, sources, cycles) => {
    expect(cyclesIn(sources)).toEqual(cycles);
  });

  test('shows each of two cycles once, without the files that only lead there', () => {
    expect(
      cyclesIn({
        'src/main.ts': "import './a.js'; import './c.js';",
        'src/a.ts': "import './b.js';",
        'src/b.ts': "import './a.js'; import './leaf.js';",
        'src/c.ts': "import './d.js';",
        'src/d.ts': "import './c.js'; import 'node:fs';",
        'src/leaf.ts': 'export {};',
      }),
    ).toEqual([
      ['src/a.ts', 'src/b.ts'],
      ['src/c.ts', 'src/d.ts'],
    ]);
  });

  test('shows no cycle where two files import a third', () => {
    expect(
      cyclesIn({ 'src/a.ts': "import './c.js';", 'src/b.ts': "import './c.js'; import './a.js';", 'src/c.ts': '' }),
    ).toEqual([]);
  });
});
