import { randomUUID } from 'node:crypto';
import { link, open, rm } from 'node:fs/promises';
import { existing } from './system-errors.js';

/** Makes a file that appears whole, on the disk, and never replaces one: another process may have been first. */
export async function linkNew(path: string, content: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o644);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await link(draft, path).catch(existing);
  await rm(draft);
}
