import { pino, type Logger as PinoLogger } from 'pino';
import type { Logger } from '../ports/logger.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Receives complete lines, each with its line break. */
  write(line: string): void;
  /** Fields of every line, such as the role. */
  readonly bindings?: Readonly<Record<string, string>>;
}

/**
 * Writes JSON lines: level and time first, then the fields; `event` is the stable name of the event. An Error under
 * `error` or `err` is written with type, message, code and stack.
 */
export function createLogger({ level, write, bindings = {} }: LoggerOptions): Logger {
  const root = pino(
    {
      level,
      base: bindings,
      messageKey: 'event',
      errorKey: 'error',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    { write },
  );
  return adapt(root);
}

function adapt(inner: PinoLogger): Logger {
  return {
    debug: (fields, event) => inner.debug(fields, event),
    info: (fields, event) => inner.info(fields, event),
    warn: (fields, event) => inner.warn(fields, event),
    error: (fields, event) => inner.error(fields, event),
    child: (more) => adapt(inner.child(more)),
  };
}
