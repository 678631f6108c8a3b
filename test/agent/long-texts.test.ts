/** Texts of models that would take long to read, if the time grew with the square of their length. */
import { scan } from '../../src/agent/reading/scan.js';
import { pathsNamedBy } from '../../src/domain/check-paths.js';
import { inputsReadBy } from '../../src/domain/mission-inputs.js';
import { growthOf, MOST_TIMES } from '../support/growth.js';

const READERS: readonly (readonly [string, (text: string) => unknown, (characters: number) => string])[] = [
  ['a reply of line feeds', (text) => scan(text, new Set()), (length) => '\n'.repeat(length)],
  ['a reply of names of calls', (text) => scan(text, new Set()), (length) => 'call:'.repeat(length / 5)],
  ['a reply of open brackets', (text) => scan(text, new Set()), (length) => '[a('.repeat(length / 3)],
  [
    'a check that changes its directory',
    (text) => pathsNamedBy([text]),
    (length) => 'cd a; cat b;'.repeat(length / 12),
  ],
  [
    'a check that reads many inputs',
    inputsReadBy,
    (length) => Array.from({ length: length / 24 }, (_, at) => `read $INPUT_A${1000 + at} a;`).join(''),
  ],
];

test.each(READERS)('%s: the time to read it grows with its length only', (_, read, textOf) => {
  expect(growthOf(read, textOf)).toBeLessThanOrEqual(MOST_TIMES);
});
