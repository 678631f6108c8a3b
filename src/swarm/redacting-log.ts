import { redactLetter } from '../domain/dead-letter.js';
import { createRedactor, redactEvent, type Redact } from '../domain/redaction.js';
import type { Log } from '../ports/log.js';

interface Wrapped {
  readonly log: Log;
  readonly secrets: readonly string[];
}

const wrapped = new WeakMap<Log, Wrapped>();

/** The log, to which no event is appended with a secret in its texts; of copied records only the reason is redacted. */
export function redactingLog(log: Log, redact: Redact): Log {
  return {
    ...log,
    copyRecord: (copy) => log.copyRecord({ ...copy, headers: redactLetter(copy.headers, redact) }),
    redact,
    createAppender(name) {
      const appender = log.createAppender(name);
      return {
        ...appender,
        append: (request) => appender.append({ ...request, event: redactEvent(request.event, redact) }),
      };
    },
  };
}

/** The same for a log that a program gives to a swarm, which learns its secrets from `unwrapped`. */
export function redactingLogOf(log: Log, secrets: readonly string[]): Log {
  const redacting = redactingLog(log, createRedactor(secrets));
  wrapped.set(redacting, { log, secrets });
  return redacting;
}

/** The log below `redactingLogOf`, and its secrets: with them one redactor knows all, and each event passes it once. */
export function unwrapped(log: Log): Wrapped {
  return wrapped.get(log) ?? { log, secrets: [] };
}
