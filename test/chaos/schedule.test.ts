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

  test('every fault comes before any comes again', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      expect(new Set(rounds(seed, FAULTS.length).flat().slice(0, FAULTS.length)).size).toBe(FAULTS.length);
    }
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
