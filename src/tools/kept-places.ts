import type { TaskPlace } from '../ports/tools.js';
import { noteDirectory } from './given-directories.js';
import { checkBase, isStillUsable, preparePlace, requireSafeIds, type PlaceOptions, type RunPlace } from './places.js';
import { codeOf } from './system-errors.js';
import { prepareSharedFiles, type SharedFiles } from './shared-files.js';

const MOST_KEPT = 512;

export interface KeptPlaces {
  of(task: TaskPlace): Promise<RunPlace>;
  /** Whether its base is there and has its marker; found right once, it is not looked at again. */
  check(task: TaskPlace): Promise<void>;
  /** Those of all places that there were, or were found right. */
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
  const noted = new Set<string>();
  const prepared = new Map<string, Promise<SharedFiles>>();
  const checked = new Map<string, Promise<string>>();

  const prepareOnce: typeof prepareSharedFiles = (state, account, filter) => {
    const key = `${account.uid}-${account.gid} ${state}`;
    const files = prepared.get(key) ?? prepareSharedFiles(state, account, filter);
    prepared.set(key, files);
    files.catch(() => prepared.delete(key));
    return files;
  };

  return {
    bases: () => [...bases],
    async check(task) {
      requireSafeIds(task);
      const key = JSON.stringify([task.workspace, task.workspaceMarker]);
      const base = checked.get(key) ?? checkBase(task, options.workspaceRoot);
      keepNew(checked, key, base);
      base.catch(() => checked.delete(key));
      bases.add(await base);
    },
    async of(task) {
      const { workspace, missionId, taskId, attempt, secretsKey, permissions } = task;
      const key = JSON.stringify([workspace, missionId, taskId, attempt, secretsKey, permissions]);
      const known = kept.get(key);
      if (known !== undefined && (await isStillUsable(known, task))) return known;
      kept.delete(key);
      const place = await preparePlace(task, options, prepareOnce);
      if (workspace !== null && !noted.has(place.base)) {
        noted.add(place.base);
        await noteDirectory(options.workspaceRoot, place.base).catch(notNoted);
      }
      bases.add(place.base);
      keepNew(kept, key, place);
      return place;
    },
  };
}

/** Its outputs are not served then: a task needs no root of its worker to run in a given directory. */
function notNoted(error: unknown): void {
  if (codeOf(error) === '') throw error;
}

/** The oldest makes room. */
function keepNew<T>(kept: Map<string, T>, key: string, value: T): void {
  for (const oldest of kept.keys()) {
    if (kept.size < MOST_KEPT || kept.has(key)) break;
    kept.delete(oldest);
  }
  kept.set(key, value);
}
