import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { lock } from 'proper-lockfile';

import { hasCode } from './os-process.js';
import { pauseUnlessInterrupted, throwIfInterrupted } from './poll.js';
import type { StackPlace, StackWorld } from './stack-place.js';

export interface LockOptions {
  /** Called once if another process has the lock. */
  readonly onWait: () => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs work while no other process starts or stops this stack. The lock of a process that was killed expires after ten
 * seconds.
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

const NOTHING_STARTED = 'This process has started nothing.';

async function acquire(
  place: StackPlace,
  world: StackWorld,
  { onWait, signal }: LockOptions,
): Promise<() => Promise<void>> {
  let reported = false;
  for (;;) {
    throwIfInterrupted(signal, NOTHING_STARTED);
    const release = await tryLock(place.dataDir);
    if (release !== null) return release;
    if (!reported) onWait();
    reported = true;
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
      // The default throws from a timer. A lost lock is noticed at the release instead.
      onCompromised: (error) => (lost = error),
    });
    return async () => {
      if (lost !== null) return; // another start has taken it and finds the services by their pids and ports
      await release();
    };
  } catch (error) {
    if (hasCode(error, 'ELOCKED')) return null;
    throw error;
  }
}
