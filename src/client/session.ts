import { createCleanup } from '../ports/cleanup.js';
import type { Log } from '../ports/log.js';
import type { ClientContext, LogSession } from './context.js';

/** How long releasing may take on a broker that answers slowly. */
export const RELEASE_MS = 5_000;

/** Runs the body on an open log, and releases what it opened, whatever happened. The log stays open. */
export async function withSession<T>(
  context: Pick<ClientContext, 'clock' | 'logger'>,
  log: Log,
  body: (session: LogSession) => Promise<T>,
): Promise<T> {
  const cleanup = createCleanup(context);
  try {
    return await body({ log, onEnd: cleanup.add });
  } finally {
    await cleanup.all(RELEASE_MS);
  }
}
