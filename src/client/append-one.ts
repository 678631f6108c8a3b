import { orAborted } from '../domain/deferred.js';
import { AppendFailed, type AppendRequest, type Appended, type Log } from '../ports/log.js';
import type { ClientContext } from './context.js';
import { asAppended, type SigningContext } from './sign.js';

export interface AppendOneOptions extends AppendRequest {
  /** Names the appender in logs. */
  readonly appender: string;
  /** Called before the rejection where the record may be in the log all the same. */
  onUnknown?(): void;
}

/**
 * Appends one record, with its signature and marks (asAppended). Rejects as Appender.append does, and with the signal's
 * reason at once.
 */
export async function appendOne(
  context: Pick<ClientContext, 'signal' | 'logger'> & SigningContext,
  log: Log,
  { appender: name, onUnknown, event, ...place }: AppendOneOptions,
): Promise<Appended> {
  const { signal, logger } = context;
  signal.throwIfAborted();
  const appender = log.createAppender(name);
  try {
    return await orAborted(appender.append({ ...place, event: asAppended(context, log, event) }), signal);
  } catch (error) {
    // A record that was refused is not there; one whose answer did not come may be.
    if (signal.aborted || error instanceof AppendFailed) onUnknown?.();
    throw error;
  } finally {
    // Whether the record is written does not depend on it.
    await orAborted(appender.close(), signal).catch((error: unknown) =>
      logger.debug({ error, appender: name }, 'appender.close_failed'),
    );
  }
}
