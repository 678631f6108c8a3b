import { taskOf, USAGE, WrongUse } from './cli-options.js';
import { FAULT_NAMES } from './faults.js';

const task = (...argv: readonly string[]) => taskOf(argv, () => 0.25);

describe('what npm run simulate is asked to do', () => {
  test('by default it runs 200 seeds from 1 on, with every fault', () => {
    expect(task()).toEqual({ kind: 'run', from: 1, count: 200, faults: FAULT_NAMES, results: null });
  });

  test('seeds, a beginning, faults and a file for the counts can be named', () => {
    expect(task('--seeds', '30', '--from', '7', '--faults', 'move,crash', '--results', 'counts.json')).toEqual({
      kind: 'run',
      from: 7,
      count: 30,
      faults: ['crash', 'move'],
      results: 'counts.json',
    });
  });

  test('fresh seeds begin where chance says', () => {
    expect(task('--fresh', '--seeds', '500')).toMatchObject({ kind: 'run', from: 2 ** 29, count: 500 });
  });

  test('one seed is run, or its story told', () => {
    expect(task('--seed', '42')).toMatchObject({ kind: 'run', from: 42, count: 1 });
    expect(task('--seed', '42', '--trace')).toMatchObject({ kind: 'trace', seed: 42 });
  });

  test('the mutation check takes rules, and 2,000 seeds unless told otherwise', () => {
    expect(task('--mutants', 'fence', 'in-doubt')).toMatchObject({
      kind: 'mutants',
      names: ['fence', 'in-doubt'],
      recordedFirst: false,
      from: 1,
      count: 2000,
    });
    expect(task('--mutants', '--recorded')).toMatchObject({ names: [], recordedFirst: true });
  });

  test.each([
    [['--sedes', '3'], /Unknown option '--sedes'/],
    [['--seeds'], /'--seeds <value>' argument missing/],
    [['--seeds', 'x'], /--seeds x: how many seeds is a whole number/],
    [['--seeds', '0'], /at least 1/],
    [['--from', '-1'], /--from/],
    [['--from', '1.5'], /--from 1\.5: a seed is a whole number from 0 to 4294967295/],
    [['--from', '4294967295', '--seeds', '2'], /the last seed is 4294967295/],
    [['--seed', '1', '--seeds', '3'], /--seed and --seeds exclude each other/],
    [['--fresh', '--from', '3'], /--from and --fresh exclude each other/],
    [['--trace'], /name it with --seed/],
    [['--recorded'], /--recorded belongs to --mutants/],
    [['--faults', 'crash,earthquake'], /there is no earthquake; there are crash, /],
    [['--faults', 'toString'], /there is no toString/],
    [['--mutants', 'gravity'], /there is no rule gravity; there are read-back, /],
    [['fence'], /Only --mutants takes names/],
  ])('%j is refused with the reason', (argv, reason) => {
    expect(() => task(...argv)).toThrow(WrongUse);
    expect(() => task(...argv)).toThrow(reason);
  });

  test('the help names every option', () => {
    for (const option of [
      'seeds',
      'from',
      'fresh',
      'seed',
      'trace',
      'faults',
      'mutants',
      'recorded',
      'results',
      'list',
      'help',
    ])
      expect(USAGE).toContain(`--${option} `);
  });
});
