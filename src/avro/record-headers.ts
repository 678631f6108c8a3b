import type { AgentEvent } from '../domain/events.js';
import { createContinuedTraces, traceparentOf, type TraceContext } from '../domain/trace-context.js';
import { spanIdOf, traceIdOf } from './trace-ids.js';

/** Header values by name; fields that an event lacks are omitted. */
export type RecordHeaders = Readonly<Record<string, string>>;

export interface HeadersOfRecords {
  /** caller: the trace that a mission's request continues. */
  of(event: AgentEvent, caller?: TraceContext): RecordHeaders;
  /** Records of the mission name this trace from now on. */
  continueTrace(missionId: string, caller: TraceContext): void;
  /** null: they name the trace that the mission's id gives. */
  continuedTrace(missionId: string): TraceContext | null;
}

/**
 * Makes the headers that let a plain kcat or rpk show what a record is: event_type, mission_id, task_id, attempt and
 * the W3C traceparent. The trace id comes from the mission's id and the span id from the event's, so that every
 * process gives the same ones without asking; an event without a mission is a separate trace.
 */
export function createRecordHeaders(): HeadersOfRecords {
  const continued = createContinuedTraces();
  const traceparent = (event: AgentEvent, missionId: string | null): string => {
    const caller = missionId ? continued.get(missionId) : null;
    const traceId = caller?.traceId ?? traceIdOf(missionId || event.event_id);
    return traceparentOf({ traceId, spanId: spanIdOf(event.event_id), sampled: caller?.sampled ?? true });
  };

  return {
    of(event, caller) {
      const headers: Record<string, string> = { event_type: event.event_type };
      const { payload } = event;
      const missionId = 'mission_id' in payload && payload.mission_id ? payload.mission_id : event.correlation_id;
      if (missionId) headers['mission_id'] = missionId;
      if ('task_id' in payload && payload.task_id) headers['task_id'] = payload.task_id;
      if ('attempt' in payload && payload.attempt !== null) headers['attempt'] = String(payload.attempt);
      headers['traceparent'] = caller === undefined ? traceparent(event, missionId) : traceparentOf(caller);
      return headers;
    },
    continueTrace(missionId, caller) {
      if (caller.traceId !== traceIdOf(missionId)) continued.set(missionId, caller);
    },
    continuedTrace: continued.get,
  };
}
