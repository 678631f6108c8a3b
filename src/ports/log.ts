import type { Headers } from '../domain/dead-letter.js';
import type { AgentEvent } from '../domain/events.js';

/**
 * The log: topics of partitions of records, read in order, appended at the end.
 * Kafka is the product's log; the in-memory log has the same behaviour and one contract suite checks both.
 */
export interface Log {
  readonly capabilities: LogCapabilities;
  /**
   * A batching appender: one request in flight, everything queued meanwhile goes in the next one.
   * Order within a partition is the order of the calls. A role has two: 'coordination' and 'tasks'.
   */
  createAppender(name: string): Appender;
  /** Joins a consumer group. Resolves when the member has been accepted by the group. */
  joinGroup(options: GroupOptions): Promise<GroupMember>;
  /** Reads topics without a group: sees every record, commits nothing. What it cannot decode holds it up nowhere. */
  watch(options: WatchOptions): Promise<Watch>;
  /**
   * Writes a record's own key and value, every byte of them, to another place: a dead letter, or one that goes back.
   * Resolves and rejects as Appender.append does.
   */
  copyRecord(copy: RecordCopy): Promise<Appended>;
  /** What an administrator asks of the cluster. */
  readonly admin: LogAdmin;
  /** Closes every connection. Appenders, members and watches must have been closed before. */
  close(): Promise<void>;
}

/** What callers may rely on, beyond the behaviour that every log has. */
export interface LogCapabilities {
  /** Whether other processes can read and write it. */
  readonly shared: boolean;
  /** Whether its records outlive the process. */
  readonly durable: boolean;
}

export interface AppendRequest {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  readonly event: AgentEvent;
}

export interface Appended {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface Appender {
  /**
   * Resolves when the broker has acknowledged the record (all in-sync replicas). May write it twice, never zero
   * times after it resolved. Rejects with AppendRejected when this record can never be written (too large, topic
   * missing, not authorised; the records behind it go on), with AppendDropped when dropQueued or close removed it,
   * and with AppendFailed when a passing failure did not pass: then this appender refuses everything that follows
   * for the partition, in order, and the role that owns it restarts.
   */
  append(request: AppendRequest): Promise<Appended>;
  /** Removes queued requests that match and have not been sent; their promises reject with AppendDropped. */
  dropQueued(matches: (request: AppendRequest) => boolean): void;
  /** Sends what is queued, then closes. */
  close(): Promise<void>;
}

/** One record as it is read. Offsets and timestamps (ms since the epoch, set by the log) are safe integers. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly content: RecordContent;
  /** Absent where there are none. */
  readonly headers?: Headers;
  /** Key and value as they lie on the broker; absent in the in-memory log, which holds events as they are. */
  readonly bytes?: RecordBytes;
}

export interface RecordBytes {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** event: decoded. poison: bytes that no reader could ever decode; value is those bytes, null when the record had none. */
export type RecordContent =
  | { readonly kind: 'event'; readonly event: AgentEvent }
  | { readonly kind: 'poison'; readonly reason: string; readonly value?: Uint8Array | null };

/** A record that may be one which this build cannot read for now: its event type, or its schema, is not known here. */
export interface AnyRecord extends Omit<LogRecord, 'content'> {
  readonly content: AnyContent;
}
export type AnyContent = RecordContent | { readonly kind: 'unreadable'; readonly reason: string };

/** Where a record is to be written again, and with which headers. */
export interface RecordCopy extends PartitionId {
  readonly record: AnyRecord;
  readonly headers: Headers;
}

export interface PartitionId {
  readonly topic: string;
  readonly partition: number;
}

/** A replay point: the next record to fold, and the fold's small state just before it (at most 4,096 bytes). */
export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string;
}

export interface PartitionAssignment extends PartitionId {
  /** What the group has committed for this partition; null when nothing was. */
  readonly committed: CommittedOffset | null;
  /** First offset that the log still holds, at assignment. */
  readonly logStart: number;
  /** Next offset to be written, at assignment. */
  readonly logEnd: number;
}

export interface GroupOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The only partitions that this member wants; it gets those of them that no other member keeps. Default: its share. */
  readonly only?: readonly PartitionId[];
  /**
   * Called for each partition that the group gives to this member. Reading starts at committed.offset, or at
   * logStart when there is none. DataLoss sets the partition apart; another error stops it and reaches onFatal.
   */
  open(assignment: PartitionAssignment): PartitionConsumer;
  /**
   * Called with all partitions that are set apart whenever that changes: their records were lost, so they are not read
   * until a rebalance gives them again. The member and its other partitions continue.
   */
  onSetApart?(partitions: readonly SetApart[]): void;
  /** A partition failed (a handler's exception), or the client itself crashed. */
  onFatal(error: Error): void;
}

/** A partition whose records were lost, and that is therefore not processed. */
export interface SetApart extends PartitionId {
  /** The first record that its group still needed. */
  readonly offset: number;
  /** What was lost, and what to do about it. */
  readonly reason: string;
}

/** One assigned partition, from open to closed. All calls are synchronous: fold and return. */
export interface PartitionConsumer {
  /** In offset order, without gaps or repeats between open and closed. */
  onRecords(records: readonly LogRecord[]): void;
  /** The partition cannot go past this record for now (unknown event type or schema, registry down); it is retried. */
  onBlocked(offset: number, reason: string): void;
  /** It was read after all. */
  onUnblocked(): void;
  /** The group has taken the partition away, or the member leaves. No more calls follow. */
  onClosed(): void;
}

export interface GroupMember {
  /**
   * Commits replay points. Resolves with those that were committed: a partition that is not assigned any more, or of which
   * that is not known at the moment, is left out. Rejects when the group refuses.
   */
  commit(commits: readonly (PartitionId & CommittedOffset)[]): Promise<readonly PartitionId[]>;
  /** Whether the group still says that the partition belongs to this member. */
  isAssigned(partition: PartitionId): boolean;
  /** How it goes with the group now. */
  health(): MemberHealth;
  /** Closes every partition and leaves the group. */
  leave(): Promise<void>;
}

export interface MemberHealth {
  /** Milliseconds since the group or a broker was last heard of: a fetch or a heartbeat was answered, or a join. */
  readonly silentMs: number;
  /** Assigned partitions that are not open yet. */
  readonly opening: readonly PartitionId[];
  /** Assigned partitions that are not processed, because their records were lost. */
  readonly setApart: readonly SetApart[];
}

export interface WatchOptions {
  readonly topics: readonly string[];
  /** beginning: everything that the log holds. end: what is written from now on. */
  readonly from: 'beginning' | 'end';
  /** In offset order within a partition. Poison and unknown event types are skipped before this is called, unless the next one is there. */
  onRecord(record: LogRecord): void;
  /** In the same order: poison, and what cannot be read for now. */
  onUndecodable?(record: AnyRecord): void;
  /** Called once, when everything that was in the log at the start has been delivered. */
  onCaughtUp?(): void;
  onFatal(error: Error): void;
}

export interface Watch {
  stop(): Promise<void>;
}

export interface LogAdmin {
  /** Number of partitions; rejects with TopicMissing when the topic does not exist. */
  partitionCount(topic: string): Promise<number>;
  /** First held and next written offset of each partition, in partition order. */
  offsets(
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly low: number; readonly high: number }[]>;
  /** Committed offsets of a group, in partition order; offset null when nothing was committed. */
  committed(
    groupId: string,
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly offset: number | null; readonly metadata: string }[]>;
  /**
   * For each partition, in order, the offset of the first record whose timestamp is not before a time (ms since the
   * epoch); the end of the partition when there is none.
   */
  offsetAtTime(
    topic: string,
    timestampMs: number,
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]>;
  /** Deletes the records of a partition below an offset. */
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void>;
  /** Creates what is missing; reports, and never alters, what differs. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<readonly TopicDifference[]>;
}

/** What topics.yaml says of one topic, with names resolved. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** null: from the cluster's size (3 from three brokers on, else 1). */
  readonly replicationFactor: number | null;
  /** Broker settings by their Kafka names, such as cleanup.policy and retention.ms. */
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicDifference {
  readonly topic: string;
  readonly setting: string;
  readonly expected: string;
  readonly actual: string;
}

/** This record can never be written; the ones behind it can. */
export class AppendRejected extends Error {
  readonly code = 'append_rejected';
  readonly retriable = false;
}

/** The record has more bytes than its topic takes (max.message.bytes). */
export class RecordTooLarge extends AppendRejected {
  /** @param size null where only the broker has said that it is too large */
  constructor(
    message: string,
    readonly size: { readonly bytes: number; readonly limitBytes: number } | null,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.name = 'RecordTooLarge';
  }
}

/** The request was removed before it was sent. */
export class AppendDropped extends Error {
  readonly code = 'append_dropped';
  readonly retriable = false;
}

/** The log could not be reached, or kept refusing, for longer than the client's retries. */
export class AppendFailed extends Error {
  readonly code = 'append_failed';
  readonly retriable = true;
}

/** The topic does not exist. */
export class TopicMissing extends Error {
  readonly code = 'topic_missing';
  readonly retriable = false;
}

/** The group did not take the commit: the member has left or lost its place, or the metadata is too long. */
export class CommitRefused extends Error {
  readonly code = 'commit_refused';
  readonly retriable = true;
}
