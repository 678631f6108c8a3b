/**
 * Computers that are paused whole: a worker, its launchers and their commands. Such a launcher keeps its task's lock,
 * and sees neither a newer fence nor its time limit before its computer continues.
 */
import type { Faults } from './faults.js';
import type { Random } from './random.js';
import type { SimProcess } from './sim-process.js';
import type { World } from './world.js';

export interface FrozenComputers {
  /**
   * Now and then pauses the computer of a command while it runs.
   * @param end ends the command
   * @returns the same, or what ends it only when its computer continues
   */
  during<Result>(process: SimProcess, durationMs: number, end: (result: Result) => void): (result: Result) => void;
}

const SHARE = 0.05;
/** A launcher that continues looks at its fence and its time limit within this time. */
const LOOK_MS = 100;

/** @param random for these pauses only */
export function createFrozenComputers({
  world,
  faults,
  random,
}: {
  readonly world: World;
  readonly faults: Faults;
  readonly random: Random;
}): FrozenComputers {
  return {
    during(process, durationMs, end) {
      if (!faults.on('freeze') || !random.chance(SHARE)) return end;
      let continuesAtMs = 0;
      let isOver = false;
      const pauseMs = random.next() * random.pick([20_000, 120_000, 600_000]);
      world.at(random.next() * durationMs, () => {
        if (isOver) return;
        world.tell(() => `the computer of ${process.id} is paused for ${(pauseMs / 1000).toFixed(1)} s`);
        continuesAtMs = world.now() + pauseMs;
        if (process.isAlive()) process.stall(pauseMs);
      });
      return (result) => {
        const waitMs = continuesAtMs - world.now();
        const finish = () => {
          isOver = true;
          end(result);
        };
        if (waitMs <= 0) finish();
        else world.at(waitMs + random.next() * LOOK_MS, finish);
      };
    },
  };
}
