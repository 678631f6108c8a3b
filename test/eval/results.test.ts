/** What npm run eval prints and compares: solved trials, pass^k and false successes. */
import { differences } from '../../eval/expected.js';
import { resultOf, resultsTable } from '../../eval/results.js';
import type { EvalTask } from '../../eval/task-files.js';
import type { TrialResult } from '../../eval/trial.js';

const task = (name: string, impossible?: string): EvalTask => ({
  name,
  brief: 'b',
  checks: [],
  protected: [],
  changes: [],
  files: {},
  solution: 'true',
  wrong: 'true',
  ...(impossible === undefined ? {} : { impossible }),
});
const COUNTS = { steps: 2, tokens: 10, durationMs: 500, repairs: 1, refused: 0 };
const SOLVED: TrialResult = { ...COUNTS, verified: true, judged: true, reason: '' };
/** Verified by changed tests, for example. */
const CLAIMED: TrialResult = { ...COUNTS, verified: true, judged: false, reason: '' };
const FAILED: TrialResult = { ...COUNTS, verified: false, judged: false, reason: 'it gave up' };

test.each([
  ['all trials solve', undefined, [SOLVED, SOLVED, SOLVED], { solved: 3, passAll: true, falseSuccesses: 0 }],
  ['one of them does not solve', undefined, [SOLVED, FAILED, SOLVED], { solved: 2, passAll: false, falseSuccesses: 0 }],
  ['has a judge who does not agree', undefined, [SOLVED, CLAIMED], { solved: 1, passAll: false, falseSuccesses: 1 }],
  ['none solves', undefined, [FAILED], { solved: 0, passAll: false, falseSuccesses: 0 }],
  ['cannot be done, and no trial claims it', 'it cannot', [FAILED, FAILED], { solved: 0, falseSuccesses: 0 }],
  ['cannot be done, and two claim it', 'it cannot', [SOLVED, CLAIMED, FAILED], { solved: 0, falseSuccesses: 2 }],
] as const)('a task that %s', (_, impossible, trials, expected) => {
  expect(resultOf(task('t', impossible), trials)).toMatchObject({ trials: trials.length, ...expected });
});

test('steps, tokens and seconds are means, repairs and refused replies are sums, each reason is named once', () => {
  const more = { ...FAILED, steps: 4, tokens: 30, durationMs: 1_500, refused: 2 };
  expect(resultOf(task('t'), [FAILED, more])).toMatchObject({
    ...{ steps: 3, tokens: 20, seconds: 1, repairs: 2, refused: 2 },
    reasons: ['it gave up'],
  });
});

test('the table counts the tasks that all trials solved, and every false success', () => {
  const results = [
    resultOf(task('first'), [SOLVED, SOLVED]),
    resultOf(task('second'), [SOLVED, CLAIMED]),
    resultOf(task('third', 'it cannot'), [SOLVED, FAILED]),
  ];
  const lines = resultsTable('a model', results).trimEnd().split('\n');
  expect(lines[0]).toBe('a model');
  expect(lines.slice(1).map((line) => line.trim().split(/ {2,}/).slice(0, 4))).toEqual([
    ['task', 'solved', 'pass^k', 'false'],
    ['first', '2/2', '1', '0'],
    ['second', '1/2', '0', '1'],
    ['third', '-', '-', '1'],
    ['pass^2: 1 of 2 tasks; false successes: 2'],
  ]);
});

describe('what is not as eval/expected.yaml says', () => {
  const expected = { solvable: 'all', impossible: ['third'] } as const;

  test.each([
    ['first', undefined, [SOLVED], []],
    ['first', undefined, [SOLVED, FAILED], ['p: first: not solved: it gave up']],
    ['first', undefined, [SOLVED, CLAIMED], ['p: first: a false success', 'p: first: not solved: ']],
    ['third', 'it cannot', [SOLVED], []],
    ['third', 'it cannot', [FAILED], ['p: third: no false success']],
    ['fourth', 'it cannot', [SOLVED], ['p: fourth: a false success']],
  ] as const)('%s (%s)', (name, impossible, trials, lines) => {
    const found = differences('p', { ...expected, impossible: [...expected.impossible] }, [
      resultOf(task(name, impossible), trials),
    ]);
    expect(found).toEqual(lines);
  });

  test('a personality that can solve nothing must not', () => {
    const none = { solvable: 'none', impossible: [] } as const;
    const result = resultOf(task('first'), [SOLVED, FAILED]);
    expect(differences('p', { ...none, impossible: [] }, [result])).toEqual(['p: first: solved, which it cannot']);
  });
});
