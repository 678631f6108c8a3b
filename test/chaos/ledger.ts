/** The ledgers: what really ran, whatever the log says. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LEDGER } from './agents.js';

/** Marks in the ledger of a workspace, one for each line; none when no step ran. */
export async function readLedger(workspace: string): Promise<readonly string[]> {
  const text = await readFile(join(workspace, LEDGER), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n').filter((line) => line !== '');
  const unique = new Set(lines);
  if (unique.size !== lines.length)
    throw new Error(`${workspace}: two lines of the ledger are the same; each line has a unique number`);
  return lines.map((line) => line.split(' ')[0] ?? '');
}
