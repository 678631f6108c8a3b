import type { Appender, Log } from '../../src/ports/log.js';

/** The log, with appends that do what a test says in place of, or around, its own. */
export function withAppend(log: Log, append: (own: Appender['append']) => Appender['append']): Log {
  return {
    ...log,
    createAppender(name) {
      const appender = log.createAppender(name);
      return { ...appender, append: append((request) => appender.append(request)) };
    },
  };
}
