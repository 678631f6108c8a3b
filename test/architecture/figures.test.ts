import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultsOf } from '../../scripts/figures/limits.mjs';
import { measure } from '../../scripts/figures/measure.mjs';
import { factsOf } from '../../scripts/figures/syntax.mjs';

const namesIn = (text: string) => factsOf(text).functions.map(({ name, line, lines }) => `${name} ${line}+${lines}`);

describe('the figures', () => {
  test.each([
    ['a declaration', 'function first() {\n}', ['first 1+2']],
    ['an arrow by its variable', '\nconst second = () => 1;', ['second 2+1']],
    ['a method by its name', 'const a = {\n  third() {\n  }\n};', ['third 2+2']],
    ['a property that holds a function', 'const a = { fourth: () => 1 };', ['fourth 1+1']],
    ['a constructor', 'class A {\n  constructor() {}\n}', ['constructor 2+1']],
    [
      'a function without a name by what it lies in',
      'function outer() {\n  [1].map((x) => x);\n}',
      ['outer 1+3', 'inside outer 2+1'],
    ],
    ['a function behind multi-byte characters and #!', '#!/usr/bin/env node\n// ä→𝄞\nfunction f() {}', ['f 3+1']],
  ])('know %s', (_, text, names) => {
    expect(namesIn(text)).toEqual(names);
  });

  test('list what is too long, and leave generated code out', () => {
    const dir = mkdtempSync(join(tmpdir(), 'ravenhelm-figures-'));
    try {
      mkdirSync(join(dir, 'src/domain/generated'), { recursive: true });
      writeFileSync(join(dir, 'src/long.ts'), `function long() {\n${'  go();\n'.repeat(59)}}\n// ${'x'.repeat(118)}\n`);
      writeFileSync(
        join(dir, 'src/short.ts'),
        `function short() {\n${'  go();\n'.repeat(58)}}\n// ${'x'.repeat(117)}\n`,
      );
      writeFileSync(join(dir, 'src/domain/generated/events.ts'), `// ${'x'.repeat(300)}\n`);
      expect(measure(dir).folders).toEqual([
        {
          folder: 'src',
          files: 2,
          lines: 123,
          functions: 2,
          longFunctions: [{ file: 'src/long.ts', name: 'long', line: 1, lines: 61 }],
          longLines: [{ file: 'src/long.ts', line: 62, length: 121 }],
        },
      ]);
      expect(faultsOf(measure(dir), [])).toEqual([
        'src/long.ts:1: long has 61 lines, more than 60',
        'src/long.ts:62: 121 characters, more than 120',
      ]);
      const long = { file: 'src/long.ts', name: 'long', reason: 'a list' };
      const short = { file: 'src/short.ts', name: 'short', reason: 'was long' };
      expect(faultsOf(measure(dir), [long, short])).toEqual([
        'src/short.ts: short is short enough now; take it out of scripts/figures/limits.mjs',
        'src/long.ts:62: 121 characters, more than 120',
      ]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});
