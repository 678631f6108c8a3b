/**
 * Ids of spans and traces from what names them, the same in every process: in the traceparent header of records, in
 * spans and in log lines (https://www.w3.org/TR/trace-context/#traceparent-header-field-values).
 */
import { hash } from 'node:crypto';

/** 16 hex digits, from the id of the event that began the span (src/domain/spans.ts). */
export const spanIdOf = (seed: string): string => digest(seed, 16);

/** 32 hex digits, from the id of a mission, or of an event without one. */
export function traceIdOf(id: string): string {
  const known = traces.get(id);
  if (known !== undefined) return known;
  if (traces.size >= MOST_KNOWN) traces.clear();
  const trace = digest(id, 32);
  traces.set(id, trace);
  return trace;
}

/** Every record and span of a mission needs its trace's id, and there are few missions. */
const MOST_KNOWN = 1_000;
const traces = new Map<string, string>();

const digest = (text: string, hexDigits: number): string => hash('sha256', text, 'hex').slice(0, hexDigits);
