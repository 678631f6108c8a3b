import { AppendFailed, type AppendRequest, type Appended, type Log } from '../ports/log.js';
import type { CommandContext } from './context.js';
import { orAborted } from '../domain/deferred.js';

export interface AppendOneOptions extends AppendRequest {
  /** Names the appender in logs. */
  readonly appender: string;
  /** How the person finds out whether it was written, where nobody can say; null: it does not matter. */
  readonly ifUnknown: string | null;
}

/**
 * Appends a command's one record. Rejects as Appender.append does, and with the interruption's reason at once: the
 * record may be in the log all the same, which is said on stderr.
 */
export async function appendOne(
  { host, logger }: CommandContext,
  log: Log,
  { appender: name, ifUnknown, ...request }: AppendOneOptions,
): Promise<Appended> {
  const appender = log.createAppender(name);
  try {
    return await orAborted(appender.append(request), host.interruption);
  } catch (error) {
    if (ifUnknown !== null && mayBeWritten(error, host.interruption)) host.stderr.write(`${ifUnknown}\n`);
    throw error;
  } finally {
    // Whether the record is written does not depend on it.
    await orAborted(appender.close(), host.interruption).catch((error: unknown) =>
      logger.debug({ error, appender: name }, 'appender.close_failed'),
    );
  }
}

/** A record that was refused is not there; one whose answer did not come may be. */
function mayBeWritten(error: unknown, interruption: AbortSignal): boolean {
  return interruption.aborted || error instanceof AppendFailed;
}
