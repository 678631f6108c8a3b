/** What happens to a reader, and what it asks for. */
import type { AnyRecord, CommittedOffset, PartitionAssignment, PartitionId } from '../../ports/log.js';
import type { ReaderState, Unread } from './state.js';

export type Input = SessionInput | AssignmentInput | RecordInput;

/** How it goes with the group. */
export type SessionInput =
  /** The group has given these partitions to this member. A rebalance resets every position, also of kept ones. */
  | {
      readonly kind: 'joined';
      readonly assignment: readonly PartitionId[];
      readonly memberId: string;
      readonly wallMs: number;
    }
  | { readonly kind: 'crashed'; readonly cause: unknown; readonly passing: boolean; readonly restarts: boolean }
  | { readonly kind: 'heartbeat'; readonly wallMs: number }
  | { readonly kind: 'client_stopped' }
  /** The wall clock is looked at once a second. */
  | { readonly kind: 'clock'; readonly wallMs: number }
  | { readonly kind: 'join_timed_out'; readonly cause: unknown }
  | { readonly kind: 'left' }
  /** Watch: its owner has it now. */
  | { readonly kind: 'started' };

/** From the group's word to an open partition. */
export type AssignmentInput =
  /** The answer to `ask`: the group's committed offsets and the log's bounds. */
  | { readonly kind: 'answered'; readonly topic: string; readonly states: readonly PartitionAssignment[] }
  | { readonly kind: 'unanswered'; readonly topic: string; readonly error: string }
  | { readonly kind: 'topic_waited'; readonly topic: string }
  | { readonly kind: 'opened'; readonly id: number }
  /** open() says that the replay point cannot be trusted. */
  | { readonly kind: 'open_lost'; readonly id: number; readonly reason: string };

/** Records on their way to their consumer, and what keeps them waiting. */
export type RecordInput =
  /** A handler of the partition threw. */
  | { readonly kind: 'threw'; readonly id: number; readonly error: unknown }
  /** A fetch brought records. */
  | { readonly kind: 'fetched'; readonly place: PartitionId; readonly read: ReadBatch }
  /**
   * A fetch brought only what readers never see (control records, aborted transactions): the client reads on behind it.
   */
  | { readonly kind: 'passed'; readonly place: PartitionId; readonly first: number; readonly last: number }
  /** Nothing of the partition is being fetched: what was delivered meanwhile need not be. */
  | { readonly kind: 'idle'; readonly place: PartitionId }
  /** This process has appended records; read from the position on. */
  | { readonly kind: 'own'; readonly place: PartitionId; readonly read: ReadBatch }
  /** A broker says that its log does not hold the position: it is lost, or that replica does not have it yet. */
  | { readonly kind: 'out_of_range'; readonly place: PartitionId }
  /** A transaction begins at this offset, and has been open for long: nothing behind it can be read. */
  | { readonly kind: 'transaction_open'; readonly place: PartitionId; readonly offset: number; readonly reason: string }
  | { readonly kind: 'transaction_ended'; readonly place: PartitionId }
  | { readonly kind: 'bounds'; readonly ticket: number; readonly found: PartitionAssignment | null }
  | { readonly kind: 'bounds_failed'; readonly ticket: number; readonly error: string }
  | { readonly kind: 'schema_loaded'; readonly ticket: number }
  | { readonly kind: 'schema_failed'; readonly ticket: number; readonly reason: string }
  | { readonly kind: 'waited'; readonly ticket: number }
  | { readonly kind: 'committing'; readonly commits: readonly (PartitionId & CommittedOffset)[] };

/** Of an assigned partition; id tells this assignment from an earlier one. */
export interface Place extends PartitionId {
  readonly id: number;
}

export type Action =
  | { readonly kind: 'seek'; readonly place: PartitionId; readonly offset: number }
  | { readonly kind: 'pause'; readonly place: PartitionId }
  | { readonly kind: 'resume'; readonly place: PartitionId }
  /** Tells the client the last offset that need not be fetched again. */
  | { readonly kind: 'resolve'; readonly offset: number }
  | { readonly kind: 'ask'; readonly topic: string; readonly partitions: readonly number[] }
  | { readonly kind: 'wait_topic'; readonly topic: string; readonly attempt: number }
  | { readonly kind: 'ask_bounds'; readonly place: PartitionId; readonly ticket: number }
  | { readonly kind: 'load_schema'; readonly ticket: number; readonly schemaId: number }
  | { readonly kind: 'wait'; readonly ticket: number; readonly attempt: number }
  | { readonly kind: 'open'; readonly id: number; readonly assignment: PartitionAssignment }
  | { readonly kind: 'deliver'; readonly place: Place; readonly records: readonly AnyRecord[] }
  | { readonly kind: 'block'; readonly place: Place; readonly offset: number; readonly reason: string }
  | { readonly kind: 'unblock'; readonly place: Place }
  | { readonly kind: 'close'; readonly place: Place }
  /** The list of partitions that are set apart is another one. */
  | { readonly kind: 'set_apart_changed' }
  | { readonly kind: 'caught_up' }
  /** The first join: the group has accepted this member. */
  | { readonly kind: 'accepted' }
  /** The member will not be accepted any more. */
  | { readonly kind: 'refused'; readonly cause: unknown }
  /** It was accepted, and the client has stopped for good. */
  | { readonly kind: 'client_lost'; readonly cause: unknown }
  | { readonly kind: 'fail'; readonly error: unknown }
  /** Leaves the group: the client has joined after this member had left. */
  | { readonly kind: 'leave_again' }
  | { readonly kind: 'restart_client' }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly event: string;
      readonly fields: Readonly<Record<string, unknown>>;
    };

/** What a fetched batch gave from a position on. */
export interface ReadBatch {
  readonly records: readonly AnyRecord[];
  /** The next offset to read: after the last record, and after what readers never see. */
  readonly position: number;
  /** Why reading stopped before the batch's end; null when it did not. */
  readonly stop: ReadStop | null;
}

export type ReadStop =
  | { readonly kind: 'schema_needed'; readonly schemaId: number; readonly record: Unread }
  | { readonly kind: 'unreadable'; readonly reason: string }
  /** The checksum of what was brought is wrong: what was written there is not known. */
  | { readonly kind: 'corrupt'; readonly reason: string }
  /** The batch begins below what the client should bring next: it was reset. */
  | { readonly kind: 'rewound' }
  /** The first record that the broker has lies behind the position. */
  | { readonly kind: 'gap'; readonly nextOffset: number };

export interface Step {
  readonly state: ReaderState;
  readonly actions: readonly Action[];
}
