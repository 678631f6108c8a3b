/**
 * Where the snapshots of missions lie, below the base of their workspaces and outside of what a sandbox sees:
 *
 *     .ravenhelm/snapshots/{mission id}/
 *         objects/                     contents, each once; links to those of an earlier mission in the same workspace
 *         wave-{n}.json                taken before the first task of wave n+1 began; it is the one of its wave
 *         wave-{n}.noted               the log has that one
 *         wave-{n}-end-{ns}-{id}.json  taken when a task of wave n had ended; the one that began last counts
 *         store.json                   whose workspace it is, and what its contents take
 *
 * Missions do not share a directory of contents, so that one can be removed while others take snapshots.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_DIRECTORY } from '../places.js';
import { absent } from '../system-errors.js';
import { decodeManifest, digestOfLines, linesOfManifest, type Manifest, type ManifestLines } from './manifest.js';
import { createObjectStore, draftsOf, type ObjectStore } from './object-store.js';

export interface SnapshotFiles {
  readonly objects: ObjectStore;
  /** Where the lists of the mission lie; absolute. */
  readonly directory: string;
  /** Where contents lie that are being written. */
  readonly drafts: string;
  /** Waves after which there is a snapshot, rising; 0: before the mission. */
  waves(): Promise<readonly number[]>;
  /**
   * null: there is none. Rejects with SnapshotUnreadable.
   * @param digest of all there are of this wave, the one that has it; null: the one that counts
   */
  read(wave: number, digest?: string | null): Promise<Manifest | null>;
  /** The same with its entries as lines. */
  readLines(wave: number): Promise<ManifestLines | null>;
  /** Names of lists that were taken at the end of tasks of a wave, the one that began last first. */
  ends(wave: number): Promise<readonly string[]>;
}

const NAME = /^wave-(\d+)(-end-[0-9a-f-]+)?\.json$/;

export const settledName = (wave: number): string => `wave-${wave}.json`;
export const notedName = (wave: number): string => `wave-${wave}.noted`;
/** In the order of their names they are in that of their time. */
export const endName = (wave: number, begunNs: string, id: string): string =>
  `wave-${wave}-end-${begunNs.padStart(20, '0')}-${id}.json`;

const OBJECTS = 'objects';

/** Where those of all missions lie. @param base WORKSPACE_ROOT, or the directory given with --workspace; absolute */
export const snapshotsOf = (base: string): string => join(base, STATE_DIRECTORY, 'snapshots');

/** Ids of missions that have snapshots, rising; so by their time. */
export async function missionsWithSnapshots(base: string): Promise<readonly string[]> {
  const entries = (await readdir(snapshotsOf(base), { withFileTypes: true }).catch(absent)) ?? [];
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

/** @param base WORKSPACE_ROOT, or the directory given with --workspace; absolute */
export function snapshotFiles(base: string, missionId: string): SnapshotFiles {
  const directory = join(snapshotsOf(base), missionId);
  const names = async () =>
    ((await readdir(directory).catch(absent)) ?? []).flatMap((name) => {
      const [, wave, end] = NAME.exec(name) ?? [];
      return wave === undefined ? [] : [{ name, wave: Number(wave), isSettled: end === undefined }];
    });
  const readNamed = async (name: string): Promise<Named | null> => {
    const path = join(directory, name);
    const text = await readFile(path, 'utf8').catch(absent);
    return text === null ? null : { path, list: linesOfManifest(text, path) };
  };
  const ends = async (wave: number) =>
    (await names())
      .filter((each) => each.wave === wave && !each.isSettled)
      .map(({ name }) => name)
      .sort()
      .reverse();
  const readOf = async (wave: number, digest: string | null): Promise<Named | null> => {
    for (const name of [settledName(wave), ...(await ends(wave))]) {
      const found = await readNamed(name);
      if (found !== null && (digest === null || digestOfLines(found.list.lines) === digest)) return found;
    }
    return null;
  };
  const objects = join(directory, OBJECTS);
  return {
    objects: createObjectStore(objects),
    directory,
    drafts: draftsOf(objects),
    async waves() {
      return [...new Set((await names()).map(({ wave }) => wave))].sort((a, b) => a - b);
    },
    ends,
    async read(wave, digest = null) {
      const found = await readOf(wave, digest);
      return found === null ? null : decodeManifest(found.list, found.path);
    },
    readLines: async (wave) => (await readOf(wave, null))?.list ?? null,
  };
}

interface Named {
  readonly path: string;
  readonly list: ManifestLines;
}
