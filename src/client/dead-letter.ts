/** A dead letter as JSON: what `ravenhelm dead-letters --json` prints and what the library returns. */
import { headerText, originalHeaders, type Headers, type HeaderValue } from '../domain/dead-letter.js';
import type { AgentEvent } from '../domain/events.js';
import type { Letter } from './letter-box.js';
import { stateText } from './letter-handling.js';

/** A record that a role could not process. Times are ISO 8601 in UTC. */
export interface DeadLetter {
  /** Partition and offset in the dead-letters topic, such as 0-17; of the first copy where there are several. */
  readonly id: string;
  /** Ids of all copies; each of them names the letter. */
  readonly copies: readonly string[];
  /** When it was skipped. */
  readonly time: string;
  /** Where it came from; null when no header says so: another program has written it. */
  readonly origin: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly time: string;
  } | null;
  /**
   * For a letter that is a whole batch of records that could not be decoded: the offsets of its first and last record,
   * and how it is compressed. null for a letter that is one record.
   */
  readonly batch: { readonly first_offset: number; readonly last_offset: number; readonly codec: string } | null;
  /** Whether this build can decode it. */
  readonly decodable: boolean;
  /** Of the event, or where it cannot be decoded of its headers; null when they do not say. */
  readonly event_type: string | null;
  readonly mission_id: string | null;
  readonly task_id: string | null;
  /** Why it was skipped. */
  readonly error: string;
  /** redriving: a process has started to redrive it, and has not recorded the end. */
  readonly state: 'waiting' | 'redriving' | 'redriven' | 'discarded';
  /** Who did that, as USER@HOST; null while it waits. */
  readonly handled: { readonly by: string; readonly at: string } | null;
}

/** Everything about a dead letter. */
export interface DeadLetterDetails extends DeadLetter {
  /** In words, such as "was discarded by USER@HOST at TIME: REASON". */
  readonly what_became_of_it: string;
  /** What was written about it and does not count, oldest first: it is not signed as the operators file demands. */
  readonly ignored: readonly {
    readonly event_type: string;
    readonly by: string;
    readonly at: string;
    readonly code: string;
    readonly reason: string;
  }[];
  readonly key: string | null;
  /** The values of each header, separated by commas. */
  readonly headers: Readonly<Record<string, string>>;
  /** null when this build cannot decode it. */
  readonly event: AgentEvent | null;
  readonly why_not_decodable: string | null;
  /** The record's bytes; null when it has none, and on the in-memory log, which keeps events as objects. */
  readonly value_base64: string | null;
}

export function deadLetterOf(letter: Letter): DeadLetter {
  const { id, copies, record, facts, state } = letter;
  const { content } = record;
  const headers = originalHeaders(record.headers ?? {});
  const header = (name: string) => headerText(headers[name]) ?? null;
  const names =
    content.kind === 'event'
      ? namesIn(content.event)
      : { mission_id: header('mission_id'), task_id: header('task_id') };
  return {
    id,
    copies,
    time: new Date(facts?.skippedAtMs ?? record.timestampMs).toISOString(),
    origin:
      facts === null
        ? null
        : {
            topic: facts.origin.topic,
            partition: facts.origin.partition,
            offset: facts.origin.offset,
            time: new Date(facts.origin.timestampMs).toISOString(),
          },
    batch:
      facts?.batch === undefined
        ? null
        : { first_offset: facts.batch.baseOffset, last_offset: facts.origin.offset, codec: facts.batch.codec },
    decodable: content.kind === 'event',
    event_type: content.kind === 'event' ? content.event.event_type : header('event_type'),
    ...names,
    error: facts?.error ?? 'no header says where it came from: another program has written it',
    state: state.kind,
    handled: state.kind === 'waiting' ? null : { by: state.by, at: new Date(state.atMs).toISOString() },
  };
}

export function deadLetterDetailsOf(letter: Letter): DeadLetterDetails {
  const { record, state } = letter;
  const { content } = record;
  const value = record.bytes?.value ?? (content.kind === 'poison' ? (content.value ?? null) : null);
  return {
    ...deadLetterOf(letter),
    what_became_of_it: stateText(state),
    ignored: letter.ignored.map(({ type, atMs, ...rest }) => ({
      event_type: type,
      at: new Date(atMs).toISOString(),
      ...rest,
    })),
    key: record.key,
    headers: headerTexts(record.headers ?? {}),
    event: content.kind === 'event' ? content.event : null,
    why_not_decodable: content.kind === 'event' ? null : content.reason,
    value_base64: value === null ? null : Buffer.from(value).toString('base64'),
  };
}

function namesIn({ payload }: AgentEvent): Pick<DeadLetter, 'mission_id' | 'task_id'> {
  return {
    mission_id: 'mission_id' in payload ? payload.mission_id : null,
    task_id: 'task_id' in payload ? payload.task_id : null,
  };
}

function headerTexts(headers: Headers): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      valuesOf(value)
        .map((each) => headerText(each) ?? '')
        .join(', '),
    ]),
  );
}

function valuesOf(value: Headers[string]): readonly HeaderValue[] {
  if (value === undefined || value === null || typeof value === 'string' || value instanceof Uint8Array)
    return [value ?? null];
  return value;
}
