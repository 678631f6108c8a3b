import type { TaskPlace } from '../ports/tools.js';
import { isStillUsable, preparePlace, type PlaceOptions, type RunPlace } from './places.js';
import { prepareSharedFiles, type SharedFiles } from './shared-files.js';

const MOST_KEPT = 512;

export interface KeptPlaces {
  of(task: TaskPlace): Promise<RunPlace>;
  /** Those of all places that there were. */
  bases(): readonly string[];
}

/**
 * The places of a process's tasks. Preparing one takes a dozen file operations, so it is kept for the attempt; the
 * marker is read at each call. What the sandboxes of an
 * account share is written once.
 */
export function createPlaces(options: PlaceOptions): KeptPlaces {
  const kept = new Map<string, RunPlace>();
  const bases = new Set<string>();
  const prepared = new Map<string, Promise<SharedFiles>>();

  const prepareOnce: typeof prepareSharedFiles = (state, account, filter) => {
    const key = `${account.uid}-${account.gid} ${state}`;
    const files = prepared.get(key) ?? prepareSharedFiles(state, account, filter);
    prepared.set(key, files);
    files.catch(() => prepared.delete(key));
    return files;
  };

  return {
    bases: () => [...bases],
    async of(task) {
      const { workspace, missionId, taskId, attempt, secretsKey, permissions } = task;
      const key = JSON.stringify([workspace, missionId, taskId, attempt, secretsKey, permissions]);
      const known = kept.get(key);
      if (known !== undefined && (await isStillUsable(known, task))) return known;
      kept.delete(key);
      const place = await preparePlace(task, options, prepareOnce);
      bases.add(place.base);
      for (const oldest of kept.keys()) {
        if (kept.size < MOST_KEPT) break;
        kept.delete(oldest);
      }
      kept.set(key, place);
      return place;
    },
  };
}
