/**
 * A dead letter: a record's own key, bytes and headers, with its origin, the error and the time in further
 * headers. So a reader knows what it was, and redriving it needs nothing else.
 */

/** null: the header has no value. */
export type HeaderValue = Uint8Array | string | null;
/** Header values by name; a name that occurs several times has a list. */
export type Headers = Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>>;

/** The record that became a letter. Its timestamp tells it from that of a recreated topic. */
export interface LetterOrigin {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch, set by the log. */
  readonly timestampMs: number;
}

/** A batch of records of which none could be decoded; the origin of its letter is the last of them. */
export interface LostBatch {
  /** Offset of its first record. */
  readonly baseOffset: number;
  /** How its records are compressed, such as zstd; none when they are not. */
  readonly codec: string;
}

export interface LetterFacts {
  readonly origin: LetterOrigin;
  /** Absent for a letter that is one record. */
  readonly batch?: LostBatch;
  /** Why the record was skipped. */
  readonly error: string;
  /** When it was skipped, ms since the epoch. */
  readonly skippedAtMs: number;
}

const OURS = {
  topic: 'dead_letter_origin_topic',
  partition: 'dead_letter_origin_partition',
  offset: 'dead_letter_origin_offset',
  timestamp: 'dead_letter_origin_timestamp',
  error: 'dead_letter_error',
  time: 'dead_letter_time',
} as const;
/** Only where the letter is a batch. */
const OURS_OF_BATCH = { firstOffset: 'dead_letter_batch_first_offset', codec: 'dead_letter_batch_codec' } as const;
const OUR_NAMES: ReadonlySet<string> = new Set([...Object.values(OURS), ...Object.values(OURS_OF_BATCH)]);

/** The original's headers and ours. Times as ISO 8601, to the millisecond. */
export function letterHeaders(original: Headers, { origin, batch, error, skippedAtMs }: LetterFacts): Headers {
  return {
    ...originalHeaders(original),
    [OURS.topic]: origin.topic,
    [OURS.partition]: String(origin.partition),
    [OURS.offset]: String(origin.offset),
    [OURS.timestamp]: new Date(origin.timestampMs).toISOString(),
    [OURS.error]: error,
    [OURS.time]: new Date(skippedAtMs).toISOString(),
    ...(batch === undefined
      ? {}
      : { [OURS_OF_BATCH.firstOffset]: String(batch.baseOffset), [OURS_OF_BATCH.codec]: batch.codec }),
  };
}

/** The headers, with the error of a letter redacted: it may repeat what the record says. */
export function redactLetter(headers: Headers, redact: (text: string) => string): Headers {
  const error = headerText(headers[OURS.error]);
  return error === undefined ? headers : { ...headers, [OURS.error]: redact(error) };
}

/** A letter's headers as they were before it became one. */
export function originalHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OUR_NAMES.has(name)));
}

/** What a letter's headers say; null when they are not those of a letter. */
export function parseLetterHeaders(headers: Headers): LetterFacts | null {
  const texts = Object.fromEntries(Object.entries(OURS).map(([field, name]) => [field, headerText(headers[name])]));
  const { topic, error, partition, offset, timestamp, time } = texts;
  if (topic === undefined || error === undefined) return null;
  const numbers = {
    partition: wholeNumber(partition),
    offset: wholeNumber(offset),
    timestampMs: Date.parse(timestamp ?? ''),
  };
  const skippedAtMs = Date.parse(time ?? '');
  if ([...Object.values(numbers), skippedAtMs].some(Number.isNaN)) return null;
  const batch = parseBatch(headers);
  return { origin: { topic, ...numbers }, ...(batch === null ? {} : { batch }), error, skippedAtMs };
}

function parseBatch(headers: Headers): LostBatch | null {
  const baseOffset = wholeNumber(headerText(headers[OURS_OF_BATCH.firstOffset]));
  const codec = headerText(headers[OURS_OF_BATCH.codec]);
  return Number.isNaN(baseOffset) || codec === undefined ? null : { baseOffset, codec };
}

/** A header's text; the last one where there are several, undefined where there is none. */
export function headerText(value: Headers[string]): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return new TextDecoder().decode(value);
  return headerText(value.at(-1));
}

const wholeNumber = (text: string | undefined): number =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
