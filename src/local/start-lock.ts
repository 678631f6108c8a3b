import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { lock } from 'proper-lockfile';

import { hasCode } from './os-process.js';
import { pauseUnlessInterrupted, throwIfInterrupted } from './poll.js';
import type { StackPlace, StackWorld } from './stack-place.js';

export interface LockOptions {
  /** Called once when somebody else has the lock. */
  readonly onWait: () => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs work while no other process starts or stops this stack. A holder that was killed is found out by the age of
 * its lock, within ten seconds.
 */
export async function withStackLock<T>(
  place: StackPlace,
  world: StackWorld,
  options: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(place.dataDir, { recursive: true });
  const release = await acquire(place, world, options);
  try {
    return await work();
  } finally {
    await release();
  }
}

const NOTHING_STARTED = 'This copy has started nothing.';

async function acquire(
  place: StackPlace,
  world: StackWorld,
  { onWait, signal }: LockOptions,
): Promise<() => Promise<void>> {
  let told = false;
  for (;;) {
    throwIfInterrupted(signal, NOTHING_STARTED);
    const release = await tryLock(place.dataDir);
    if (release !== null) return release;
    if (!told) onWait();
    told = true;
    await pauseUnlessInterrupted({ clock: world.clock, everyMs: 200, signal }, NOTHING_STARTED);
  }
}

async function tryLock(dataDir: string): Promise<(() => Promise<void>) | null> {
  try {
    let lost: Error | null = null;
    const release = await lock(dataDir, {
      lockfilePath: join(dataDir, 'start.lock'),
      stale: 10_000,
      update: 2_000,
      // The default throws out of a timer. Losing the lock is found out at the end, where it can be told.
      onCompromised: (error) => (lost = error),
    });
    return async () => {
      if (lost !== null) return; // taken by another start, which finds the services by their pids and ports
      await release();
    };
  } catch (error) {
    if (hasCode(error, 'ELOCKED')) return null;
    throw error;
  }
}
