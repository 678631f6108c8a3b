import { taskOf, USAGE, WrongUse } from '../../bench/options.js';
import { PRESSURE_PARTS } from '../../bench/pressure/pressure.js';
import { SPEED_PARTS } from '../../bench/speed/speed.js';
import { quantile, trendOf } from '../../bench/support/statistics.js';

describe('what npm run bench is asked', () => {
  test('is speed, all of it, when nothing is said', () => {
    expect(taskOf([])).toEqual({
      kind: 'measure',
      json: false,
      bench: 'speed',
      parts: SPEED_PARTS,
      options: { rounds: 5, history: 10_000, profileDir: null, beside: null, traced: false },
    });
  });

  test('is some parts of a bench, in the order of the bench', () => {
    expect(taskOf(['speed', 'at-rest', 'one-task', '--rounds', '7', '--json'])).toMatchObject({
      json: true,
      parts: ['one-task', 'at-rest'],
      options: { rounds: 7 },
    });
    expect(taskOf(['scale', '--workers', '20'])).toMatchObject({
      bench: 'scale',
      options: { workers: 20, partitions: 3_000 },
    });
    expect(taskOf(['pressure', 'queued-tasks', '--tasks', '10'])).toMatchObject({
      bench: 'pressure',
      parts: ['queued-tasks'],
      options: { tasks: 10, missions: 1_000 },
    });
  });

  test.each([
    [['sped'], 'there is no bench sped; there are speed, scale and pressure'],
    [['speed', 'one-tusk'], `speed has no part one-tusk; it has ${SPEED_PARTS.join(', ')}`],
    [['--rounds', '0'], '--rounds 0: it takes a whole number from 1'],
    [['--rounds', 'many'], '--rounds many: it takes a whole number from 1'],
    [['--round', '5'], "Unknown option '--round'"],
  ])('%j is refused with what is there', (argv, message) => {
    expect(() => taskOf(argv)).toThrow(new WrongUse(message));
  });

  test.each([...SPEED_PARTS, ...PRESSURE_PARTS])('%s is in the help', (part) => {
    expect(USAGE).toContain(`\n  ${part} `);
  });
});

describe('the statistics of a bench', () => {
  test('a median, and a high quantile of few samples', () => {
    expect([quantile([3, 1, 2], 0.5), quantile([1, 2, 3, 4], 0.99), quantile([], 0.5)]).toEqual([2, 4, Number.NaN]);
  });

  test('a slope, and how sure it is', () => {
    expect(
      trendOf([
        [0, 1],
        [1, 3],
        [2, 5],
      ]),
    ).toEqual({ slope: 2, error: 0 });
    const noisy = trendOf(Array.from({ length: 100 }, (_, x) => [x, x % 2]));
    expect(Math.abs(noisy.slope)).toBeLessThan(2 * noisy.error);
  });
});
