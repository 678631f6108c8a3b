/**
 * Where the snapshots of missions lie, below the base of their workspaces and outside of what a sandbox sees:
 *
 *     .ravenhelm/snapshots/{mission id}/
 *         objects/                contents, each once; links to those of the mission before in the same directory
 *         wave-{n}.json           taken before the first task of wave n+1 began; it is the one of its wave
 *         wave-{n}-end-{id}.json  taken when a task of wave n had ended; the one that started last counts
 *
 * Missions do not share a directory of contents, so that one can be removed while others take snapshots.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { STATE_DIRECTORY } from '../places.js';
import { absent } from '../system-errors.js';
import { decodeManifest, linesOfManifest, type Manifest, type ManifestLines } from './manifest.js';
import { createObjectStore, type ObjectStore } from './object-store.js';

export interface SnapshotFiles {
  readonly objects: ObjectStore;
  /** Where the lists of the mission lie; absolute. */
  readonly directory: string;
  /** Waves after which there is a snapshot, rising; 0: before the mission. */
  waves(): Promise<readonly number[]>;
  /** null: there is none. Rejects with SnapshotUnreadable. */
  read(wave: number): Promise<Manifest | null>;
  /** The same with its entries as lines. */
  readLines(wave: number): Promise<ManifestLines | null>;
}

const NAME = /^wave-(\d+)(-end-[0-9a-f-]{36})?\.json$/;

export const settledName = (wave: number): string => `wave-${wave}.json`;
export const endName = (wave: number, id: string): string => `wave-${wave}-end-${id}.json`;

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
  const readOf = async (wave: number): Promise<Named | null> => {
    const settled = await readNamed(settledName(wave));
    if (settled !== null) return settled;
    const ends = (await names()).filter((each) => each.wave === wave && !each.isSettled);
    const read = await Promise.all(ends.map(({ name }) => readNamed(name)));
    return read.reduce((last, each) => (last === null || (each !== null && isLater(each, last)) ? each : last), null);
  };
  return {
    objects: createObjectStore(join(directory, OBJECTS)),
    directory,
    async waves() {
      return [...new Set((await names()).map(({ wave }) => wave))].sort((a, b) => a - b);
    },
    async read(wave) {
      const found = await readOf(wave);
      return found === null ? null : decodeManifest(found.list, found.path);
    },
    readLines: async (wave) => (await readOf(wave))?.list ?? null,
  };
}

interface Named {
  readonly path: string;
  readonly list: ManifestLines;
}

const isLater = (a: Named, b: Named): boolean => BigInt(a.list.begunNs) > BigInt(b.list.begunNs);
