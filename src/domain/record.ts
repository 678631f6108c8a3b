import type { AgentEvent } from './events.js';
import type { VoidCode } from './waiting-call.js';

/** An event at its place in a partition's log; what the machines fold. */
export interface FoldRecord {
  readonly offset: number;
  /** Milliseconds since the epoch, set by the log. */
  readonly timestampMs: number;
  readonly event: AgentEvent;
}

/**
 * The last claim read: who may call tools and write results in a tasks partition, or decide in a coordination
 * partition.
 */
export interface Holder {
  readonly owner: string;
  /** Offset of the claim; the fence is ordered by it. */
  readonly claimOffset: number;
}

/** A record that was read and has no effect. */
export interface Void {
  readonly kind: 'void';
  /** Such as: not the holder. */
  readonly reason: string;
  /** Of what people decide: why it does not count. */
  readonly code?: VoidCode;
}

/**
 * What evolve made of a record. The fold works in place: evolve changes the state that it is given, because a partition
 * may hold 100,000 open attempts and a mission 10,000 tasks, and a copy for each event would cost more with each of
 * them. A record that is void changes nothing but the position.
 */
export type Folded = { readonly kind: 'applied' } | Void;

export const APPLIED: Folded = { kind: 'applied' };
export const voidBecause = (reason: string): Void => ({ kind: 'void', reason });

/** The same in words: applied, or void: not the holder. */
export const describeFolded = (folded: Folded): string =>
  folded.kind === 'applied' ? 'applied' : `void: ${folded.reason}`;

/**
 * A replay point: the next record to fold, and the fold's small state just before it, as text of at most 4,096 bytes.
 */
export interface ReplayPoint {
  readonly offset: number;
  readonly metadata: string;
}

/** Kafka's offset.metadata.max.bytes. */
export const METADATA_LIMIT_BYTES = 4096;

/**
 * The committed replay point cannot be trusted: records that were not folded are gone, or its metadata is not
 * readable.
 */
export class DataLoss extends Error {
  readonly code = 'data_loss';
  readonly retriable = false;
  constructor(message: string) {
    super(message);
    this.name = 'DataLoss';
  }
}
