import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorClassesIn, faultsOf } from './support/error-classes.js';

const ROOT = join(import.meta.dirname, '../..');
const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(ROOT, 'src', name), 'utf8'));

describe('every error class', () => {
  test('says its code and whether another try is worth it', () => {
    const classes = sources.flatMap(errorClassesIn);
    expect(classes.length).toBeGreaterThan(30);
    expect(faultsOf(classes)).toEqual([]);
  });

  test.each([
    ['without a code', 'class A extends Error { readonly retriable = true; }', ['A has no code']],
    ['without retriable', "class A extends TypeError { readonly code = 'a'; }", ['A has no retriable']],
    ['exported, and with neither', 'export class A extends Error {}', ['A has no code', 'A has no retriable']],
    [
      'whose parent has one of them',
      "export class A extends B { readonly code = 'a'; } export class B extends Error { constructor(readonly " +
        'retriable: boolean) { super(); } }',
      ['B has no code'],
    ],
  ])('is found that is %s', (_, text, faults) => {
    expect(faultsOf(errorClassesIn(text))).toEqual(faults);
  });

  test.each([
    ["class A extends Error { readonly code = 'a'; readonly retriable = false; }"],
    [
      "class A extends Error { readonly retriable = false; constructor(readonly code: 'a' | 'b', message: " +
        'string) { super(message); } }',
    ],
    ["class A extends B {} class B extends Error { readonly code = 'b'; readonly retriable: boolean = true; }"],
    ['class A extends Map { }'],
  ])('is right as %s', (text) => {
    expect(faultsOf(errorClassesIn(text))).toEqual([]);
  });
});
