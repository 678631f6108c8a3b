/** The W3C trace context of a record (https://www.w3.org/TR/trace-context/#traceparent-header). */
import type { Headers } from './dead-letter.js';

export interface TraceContext {
  /** 32 hex digits. */
  readonly traceId: string;
  /** Of the caller's span, 16 hex digits. */
  readonly spanId: string;
  /** Whether the caller records its trace. */
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** null: it is none, or one that must be ignored: version ff, an id of zeros, more than version 00 has. */
export function parseTraceparent(text: string): TraceContext | null {
  const [, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(text.trim()) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

export const traceparentOf = ({ traceId, spanId, sampled }: TraceContext): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

/** The trace context in a record's headers; null where there is none. Where there are several, the first. */
export function traceContextOf(headers: Headers | undefined): TraceContext | null {
  const [value] = [headers?.['traceparent']].flat();
  if (value === undefined || value === null) return null;
  return parseTraceparent(typeof value === 'string' ? value : String.fromCharCode(...value.subarray(0, 256)));
}

/** Traces of callers that this process continues, by mission: the most recently used. */
export interface ContinuedTraces {
  set(missionId: string, context: TraceContext): void;
  get(missionId: string): TraceContext | null;
}

/** More open missions than one process has; of one that is forgotten, records name its own trace. */
const MOST_CONTINUED = 10_000;

export function createContinuedTraces(): ContinuedTraces {
  const contexts = new Map<string, TraceContext>();
  return {
    set(missionId, context) {
      contexts.delete(missionId);
      contexts.set(missionId, context);
      const [oldest] = contexts.keys();
      if (contexts.size > MOST_CONTINUED && oldest !== undefined) contexts.delete(oldest);
    },
    get: (missionId) => contexts.get(missionId) ?? null,
  };
}
