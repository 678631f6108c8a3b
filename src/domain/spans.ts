/**
 * Spans as the events tell them. Every process that reads the same records makes the same spans with the same ids, so
 * that a trace is whole whichever process sent its parts, and a span that is sent again is the same span.
 */
import type { TraceContext } from './trace-context.js';

/**
 * What an id is made from: the event_id of the event that began the span, with a word where one event begins several.
 * The adapter hashes it (src/telemetry/tracing.ts).
 */
export type SpanSeed = string;

export type SpanValue = string | number | boolean | readonly string[];
export type SpanAttributes = Readonly<Record<string, SpanValue | null | undefined>>;

export interface SpanEvent {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  readonly attributes?: SpanAttributes;
}

/** A span that has ended. */
export interface Span {
  readonly seed: SpanSeed;
  /** null: the root of its mission's trace. */
  readonly parent: SpanSeed | null;
  readonly missionId: string;
  /** What is not forgotten before the span was sent: the attemptKey in a tasks partition, else the mission's id. */
  readonly holds: string;
  /** The trace that its mission continues; null: the mission's own. */
  readonly caller: TraceContext | null;
  readonly name: string;
  /** client: a call of a model's server. */
  readonly kind: 'internal' | 'client';
  /** Milliseconds since the epoch, by the clock of the process that wrote the event. */
  readonly startMs: number;
  readonly endMs: number;
  /** Those that are null or undefined are left out. */
  readonly attributes: SpanAttributes;
  /**
   * What people and models wrote; called and sent only where a person has switched it on. Redacted, as the log is.
   */
  readonly content?: () => SpanAttributes;
  readonly events?: readonly SpanEvent[];
  /** What kind of error it ended with, a word of a list; null: none. */
  readonly error: string | null;
}

/** Which record a span names. */
export interface RecordPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The trace context in its headers; null: none. */
  readonly caller: TraceContext | null;
}

/** By OpenTelemetry's messaging conventions. */
export const placeAttributes = ({ topic, partition, offset }: RecordPlace): SpanAttributes => ({
  'messaging.system': 'kafka',
  'messaging.destination.name': topic,
  'messaging.destination.partition.id': String(partition),
  'messaging.kafka.offset': offset,
});
