import { redactEvent, type Redact } from '../domain/redaction.js';
import type { Log } from '../ports/log.js';

/** The log, to which no event is appended with a secret in its texts; records are copied as they are. */
export function redactingLog(log: Log, redact: Redact): Log {
  return {
    ...log,
    createAppender(name) {
      const appender = log.createAppender(name);
      return {
        ...appender,
        append: (request) => appender.append({ ...request, event: redactEvent(request.event, redact) }),
      };
    },
  };
}
