/** Log lines about a mission name its trace, and the span where one is known, as traces and record headers do. */
import type { TraceContext } from '../domain/trace-context.js';
import type { Logger } from '../ports/logger.js';
import { spanIdOf, traceIdOf } from '../avro/trace-ids.js';

/**
 * Adds to each line that has a `mission_id`, in its fields or in those of its logger: `trace_id`, and `span_id` where
 * it has `span_of` as well, which names the span (src/domain/spans.ts) and is not written itself. The names are those
 * of https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context/.
 * @param continued the caller's trace that a mission continues; null: it has its own
 */
export function createTraceLogger(inner: Logger, continued: (missionId: string) => TraceContext | null): Logger {
  // A mission's trace is known when its request was read: later than some loggers of it are made.
  const idsOf = ({ mission_id: missionId, span_of: seed }: Fields) => {
    if (typeof missionId !== 'string') return {};
    const traceId = continued(missionId)?.traceId ?? traceIdOf(missionId);
    return { trace_id: traceId, ...(typeof seed === 'string' ? { span_id: spanIdOf(seed) } : {}) };
  };
  const wrap = (logger: Logger, bound: Fields): Logger => {
    const line = (fields: object): object => {
      const { span_of: _, ...written }: Fields = { ...fields };
      return { ...written, ...idsOf({ ...bound, ...fields }) };
    };
    return {
      debug: (fields, event) => logger.debug(line(fields), event),
      info: (fields, event) => logger.info(line(fields), event),
      warn: (fields, event) => logger.warn(line(fields), event),
      error: (fields, event) => logger.error(line(fields), event),
      child(more) {
        const { span_of: _, ...written }: Fields = { ...more };
        return wrap(logger.child(written), { ...bound, ...more });
      },
    };
  };
  return wrap(inner, {});
}

type Fields = Readonly<Record<string, unknown>>;
