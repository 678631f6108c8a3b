/**
 * Structured log lines on stderr; pino implements it. The event name is stable, such as task.executed. Fields with a
 * meaning: `mission_id`, and `span_of`, what names the span that a line is part of (src/telemetry/trace-logger.ts).
 */
export interface Logger {
  debug(fields: object, event: string): void;
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
  error(fields: object, event: string): void;
  child(bindings: object): Logger;
}

/** Logs nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
