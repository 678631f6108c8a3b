/** What the contents of snapshots take, mission by mission, and which missions have had the same workspace. */
import { randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { jsonObject } from '../../domain/json-object.js';
import { absent, codeOf, UNREADABLE } from '../system-errors.js';
import { missionsWithSnapshots, snapshotsOf } from './snapshot-files.js';

/** The file store.json of a mission's snapshots. */
export interface StoreFacts {
  readonly missionId: string;
  /** The mission whose workspace it is; empty: the directory that has the snapshots. */
  readonly workspaceOf: string;
  /** Of the contents that no earlier mission had. */
  readonly bytes: number;
}

const NAME = 'store.json';
const facts = z.object({ workspaceOf: z.string(), bytes: z.number().min(0) });

/** Of the missions that have had this workspace, oldest first. Without the file a mission counts no bytes. */
export async function storesOf(base: string, workspaceOf: string): Promise<readonly StoreFacts[]> {
  const missions = await missionsWithSnapshots(base);
  const all = await Promise.all(
    missions.map(async (missionId) => ({ missionId, ...(await factsIn(join(snapshotsOf(base), missionId))) })),
  );
  return all.filter((each) => each.workspaceOf === workspaceOf);
}

async function factsIn(directory: string): Promise<Omit<StoreFacts, 'missionId'>> {
  const text = await readFile(join(directory, NAME), 'utf8').catch((error: unknown) =>
    UNREADABLE.includes(codeOf(error)) ? null : absent(error),
  );
  // A crash may have left half of it.
  const read = facts.safeParse(jsonObject(text ?? ''));
  return read.success ? read.data : { workspaceOf: '', bytes: 0 };
}

/**
 * Two workers that do so at once may lose what one of them has added: it is a measure, and no account.
 * @param directory of the mission's snapshots
 */
export async function addToStore(
  directory: string,
  { workspaceOf, bytes }: Omit<StoreFacts, 'missionId'>,
): Promise<void> {
  const before = await factsIn(directory);
  const draft = join(directory, `draft-${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify({ workspaceOf, bytes: before.bytes + bytes })}\n`, { mode: 0o600 });
  await rename(draft, join(directory, NAME));
}
