/** What is in a workspace now, as a snapshot would have it. */
import { readlink } from 'node:fs/promises';
import { CallRefused } from '../errors.js';
import { openInside } from '../jail.js';
import type { ListedEntry } from '../listing.js';
import { STATE_DIRECTORY } from '../places.js';
import { lookAt } from './look.js';
import { entriesOf, type Manifest } from './manifest.js';
import { digestOnly } from './object-store.js';

export interface WorkspacePlace {
  /** Absolute, without links. */
  readonly workspace: string;
  readonly holdsState: boolean;
}

/** By the rules of an earlier snapshot; what has not changed since then is not read. Keeps nothing. */
export async function lookNow(
  place: WorkspacePlace,
  before: Manifest,
  signal: AbortSignal,
): Promise<Pick<Manifest, 'entries' | 'leftOut' | 'unsettled'>> {
  const { list } = await lookAt({
    ...place,
    before,
    ignores: before.ignores,
    keep: (file) => digestOnly(file, signal),
    keepTarget: async (target) => digestOnly(target, signal),
    signal,
  });
  return { entries: entriesOf(list.lines), leftOut: list.leftOut, unsettled: list.unsettled };
}

/** A longer text is named, and neither shown nor compared. */
export const MOST_TEXT_BYTES = 4 * 1024 * 1024;

/** Reads what is at a path now; null: it is too long. Rejects with CallRefused, and as the file system does. */
export const nowIn =
  ({ workspace, holdsState }: WorkspacePlace) =>
  async (path: string, { type }: ListedEntry): Promise<Buffer | null> => {
    const parts = path.split('/');
    const hidden = holdsState ? STATE_DIRECTORY : null;
    const opened = await openInside(workspace, type === 'link' ? parts.slice(0, -1) : parts, hidden, 0);
    try {
      if (type === 'link')
        return await readlink(`/proc/self/fd/${opened.fd}/${parts.at(-1) ?? ''}`, { encoding: 'buffer' });
      const stats = await opened.stat();
      if (!stats.isFile()) throw new CallRefused('it is no file any more');
      return stats.size > MOST_TEXT_BYTES ? null : await opened.readFile();
    } finally {
      await opened.close();
    }
  };
