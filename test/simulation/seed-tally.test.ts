import { createSeedQueue, openSeedQueue } from './seed-queue.js';
import { createSeedTally } from './seed-tally.js';

const kept = (seed: number) => ({ seed, steps: 10, fingerprint: 0, violation: null });
const broken = (seed: number) => ({ ...kept(seed), violation: { invariant: 'budget', detail: 'too much' } as const });

describe('the count of a run', () => {
  test('given all seeds, then it says how many were broken and how fast it was', () => {
    let nowMs = 0;
    const tally = createSeedTally({ from: 5, count: 3, nowMs: () => nowMs });
    [kept(5), broken(7), kept(6)].forEach(tally.add);
    nowMs = 90_000;
    expect(tally.summary()).toBe('3 seeds, 1 broken (7), 30 steps, 1 min 30 s, 2 seeds a minute');
  });

  test('given an interrupted run, then it continues at the first seed not run, even if later ones were', () => {
    const tally = createSeedTally({ from: 100, count: 1000, nowMs: () => 0 });
    [100, 102, 101, 105].map(kept).forEach(tally.add);
    expect(tally.run()).toBe(4);
    expect(tally.summary()).toContain('every seed from 100 to 102 was run; continue with --from 103 --seeds 997');
  });
});

describe('the queue of seeds', () => {
  test('gives every index to one of the threads, in order, and then none', () => {
    const queue = createSeedQueue(3);
    const other = openSeedQueue(queue.memory);
    expect([queue.take(), other.take(), queue.take(), other.take(), queue.take()]).toEqual([0, 1, 2, null, null]);
  });

  test('gives nothing more when it was stopped', () => {
    const queue = createSeedQueue(3);
    queue.take();
    openSeedQueue(queue.memory).stop();
    expect(queue.take()).toBeNull();
  });
});
