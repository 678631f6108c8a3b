import { createRandom } from '../simulation/random.js';
import { missionFile, KINDS, stepsOf, type MissionKind } from './agents.js';
import { FAULTS } from './faults/all.js';
import { createSchedule } from './schedule.js';

const rounds = (seed: number, count: number) => {
  const next = createSchedule(createRandom(seed), FAULTS);
  return Array.from({ length: count }, () => next().map(({ name }) => name));
};

describe('the order of the faults', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(rounds(1, 40)).toEqual(rounds(1, 40));
    expect(rounds(1, 40)).not.toEqual(rounds(2, 40));
  });

  test('in each turn every fault comes as often as it says, before the next turn begins', () => {
    const turn = FAULTS.flatMap(({ name, turns = 1 }) => Array.from({ length: turns }, () => name)).sort();
    for (let seed = 0; seed < 50; seed += 1) {
      const struck = rounds(seed, 2 * turn.length).flat();
      for (const at of [0, turn.length]) expect(struck.slice(at, at + turn.length).sort()).toEqual(turn);
    }
  });

  test('what other programs, registries and rights do strikes at least five times in two turns', () => {
    const struck = rounds(1, 100).flat();
    const turn = FAULTS.reduce((sum, { turns = 1 }) => sum + turns, 0);
    const often = [
      'foreign-batches',
      'transaction-aborted',
      'transaction-hangs',
      'registry-429',
      'registry-503',
      'right-withdrawn',
    ];
    for (const name of often)
      expect(struck.slice(0, 2 * turn).filter((one) => one === name).length).toBeGreaterThanOrEqual(5);
  });

  test('two meet only where they do not take the same, and never one that wants everything', () => {
    const takes = new Map(FAULTS.map(({ name, takes }) => [name, takes]));
    const pairs = rounds(3, 500)
      .filter((round) => round.length === 2)
      .map((round) => round.map((name) => takes.get(name)));
    expect(pairs.length).toBeGreaterThan(50);
    for (const [one, other] of pairs) {
      expect(one).not.toBe(other);
      expect([one, other]).not.toContain('everything');
    }
  });
});

describe('the missions', () => {
  test.each(Object.keys(KINDS) as MissionKind[])(
    '%s: its success checks look for the line of each of its steps',
    (kind) => {
      const text = missionFile(kind, `${kind}-1`);
      for (const { mark } of stepsOf(kind)) expect(text).toContain(`^${mark} `);
    },
  );
});
