/** Tasks of one wave ask for the same snapshots at the same time: those of one process share them. */
import { orAborted } from '../../domain/deferred.js';
import type { SnapshotFacts } from '../../ports/tools.js';

export type Taking = () => Promise<SnapshotFacts | null>;

export interface SharedTakes {
  /**
   * Only the first of several callers takes it; the others wait for its end, and get null. If the first one is stopped,
   * the next one takes it. Rejects as the taking does, and with the signal's reason.
   * @param name names the snapshot
   */
  settled(name: string, take: Taking, signal: AbortSignal): Promise<SnapshotFacts | null>;
  /** The same, but a snapshot that has begun before the call is not shared: one more is taken after it. */
  end(name: string, take: Taking, signal: AbortSignal): Promise<SnapshotFacts | null>;
}

type End = 'taken' | 'stopped';

export function createSharedTakes(): SharedTakes {
  const settled = new Map<string, Promise<End>>();
  /** Those that wait for their turn. */
  const pending = new Map<string, Promise<End>>();
  const running = new Map<string, Promise<unknown>>();
  return {
    settled: (name, take, signal) => shared(settled, name, take, signal),
    end: (name, take, signal) =>
      shared(
        pending,
        name,
        async () => {
          const before = running.get(name);
          if (before !== undefined) await orAborted(before, signal);
          pending.delete(name);
          const taking = take();
          const ended = Promise.allSettled([taking]).then(() => {
            if (running.get(name) === ended) running.delete(name);
          });
          running.set(name, ended);
          return taking;
        },
        signal,
      ),
  };
}

async function shared(
  all: Map<string, Promise<End>>,
  name: string,
  take: Taking,
  signal: AbortSignal,
): Promise<SnapshotFacts | null> {
  for (let other = all.get(name); other !== undefined; other = all.get(name))
    if ((await orAborted(other, signal)) === 'taken') return null;
  signal.throwIfAborted();
  // In a later turn, so that it is in the map before it begins.
  const taking = Promise.resolve().then(take);
  const end = taking
    .then(
      (): End => 'taken',
      (error: unknown): End => {
        if (signal.aborted) return 'stopped';
        throw error;
      },
    )
    .finally(() => {
      if (all.get(name) === end) all.delete(name);
    });
  end.catch(() => undefined); // there may be no other caller
  all.set(name, end);
  return taking;
}
