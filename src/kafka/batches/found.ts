/** What the records of a partition are found to be, in the order of their offsets. */

export interface FoundRecord {
  readonly offset: number;
  /** Ms since the epoch, or what the writer took for it; -1 where the format has none. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** A name that occurs several times has a list. */
  readonly headers: Record<string, Buffer | (Buffer | string)[] | undefined>;
}

/** Offsets of the first and the last record. */
interface Span {
  readonly first: number;
  readonly last: number;
}

export type Found =
  | (Span & { readonly kind: 'records'; readonly records: readonly FoundRecord[] })
  /** Nothing for readers: a marker, an aborted transaction, a batch whose records were compacted away. */
  | (Span & { readonly kind: 'hidden' })
  /** The checksum is right: these bytes were written so, and no build can ever decode them. */
  | (Span & { readonly kind: 'undecodable'; readonly batch: UndecodableBatch })
  /** The checksum is wrong: what was written here is not known, and nothing behind it was looked at. */
  | (Span & { readonly kind: 'corrupt'; readonly reason: string });

export interface UndecodableBatch {
  /** Of its first record. */
  readonly baseOffset: number;
  /** Of its last record. */
  readonly lastOffset: number;
  /** Such as zstd; none when it is not compressed. */
  readonly codec: string;
  /** When the log or its writer says that it was written, ms since the epoch; -1 where that is not known. */
  readonly timestampMs: number;
  readonly reason: string;
}
