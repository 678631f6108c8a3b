import type { Headers, LostBatch } from '../domain/dead-letter.js';
import type { AgentEvent } from '../domain/events.js';
import type { WatchReader } from '../domain/topic-names.js';
import type { Redact } from '../domain/redaction.js';
import type { TraceContext } from '../domain/trace-context.js';

/**
 * The log: topics with partitions of records, which are read in order and appended at the end. Kafka is the production
 * log; the in-memory log has the same behaviour, and one contract suite tests both.
 */
export interface Log {
  readonly capabilities: LogCapabilities;
  /** Which log it is, among those that have the same topics; null: its brokers do not say. */
  readonly clusterId: string | null;
  /** What texts of appended events pass; a signer passes them before it signs. Absent: they stay as they are. */
  readonly redact?: Redact;
  /**
   * A batching appender: one request in flight, everything queued meanwhile goes in the next one.
   * Order within a partition is the order of the calls. A role has two: 'coordination' and 'tasks'.
   */
  createAppender(name: string): Appender;
  /** Joins a consumer group. Resolves when the member has been accepted by the group. */
  joinGroup(options: GroupOptions): Promise<GroupMember>;
  /** Reads topics without a group: gets every record, commits nothing, and skips records that it cannot decode. */
  watch(options: WatchOptions): Promise<Watch>;
  /**
   * Copies a record's key and value byte for byte to another partition: as a dead letter, or back from there.
   * Resolves and rejects like Appender.append.
   */
  copyRecord(copy: RecordCopy): Promise<Appended>;
  /**
   * Records of this mission that are appended from now on carry this trace in their traceparent header. Without it
   * they carry the trace that the mission's id gives.
   */
  continueTrace(missionId: string, caller: TraceContext): void;
  /** The caller's trace that records of the mission carry; null: its trace is the one that its id gives. */
  continuedTrace(missionId: string): TraceContext | null;
  /** Administrative operations. */
  readonly admin: LogAdmin;
  /** Closes all connections. Close appenders, members and watches first. */
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
  /** Of a mission's request: the trace that it continues. */
  readonly caller?: TraceContext;
}

export interface Appended {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface Appender {
  /**
   * Resolves when the broker has acknowledged the record (all in-sync replicas). The record may be written twice, but
   * never zero times after it resolved. Rejects with AppendRejected if this record can never be written (too large,
   * topic missing; later records are not affected), with AppendForbidden if this client may not write to the topic,
   * with AppendDropped if dropQueued or close removed it, and with AppendFailed if a retriable failure lasted too long:
   * the appender then refuses all later records for the partition, in order, and the role that owns it restarts.
   */
  append(request: AppendRequest): Promise<Appended>;
  /** Removes queued requests that match and have not been sent; their promises reject with AppendDropped. */
  dropQueued(matches: (request: AppendRequest) => boolean): void;
  /** Sends what is queued, then closes. */
  close(): Promise<void>;
}

/** One record that was read. Offsets and timestamps (ms since the epoch, set by the log) are safe integers. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: string | null;
  readonly content: RecordContent;
  /** Absent if there are none. */
  readonly headers?: Headers;
  /** Key and value as stored on the broker; absent in the in-memory log, which stores events as objects. */
  readonly bytes?: RecordBytes;
}

export interface RecordBytes {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/**
 * event: decoded. poison: value holds bytes that no reader can ever decode; null if the record had none. Where batch is
 * given it is a whole batch of records that cannot be decoded, and the offset is that of the last of them.
 */
export type RecordContent =
  | { readonly kind: 'event'; readonly event: AgentEvent }
  | {
      readonly kind: 'poison';
      readonly reason: string;
      readonly value?: Uint8Array | null;
      readonly batch?: LostBatch;
    };

/** A record that this build may be unable to read yet, because it does not know the event type or the schema. */
export interface AnyRecord extends Omit<LogRecord, 'content'> {
  readonly content: AnyContent;
}
export type AnyContent = RecordContent | { readonly kind: 'unreadable'; readonly reason: string };

/** The partition to copy a record to, and its headers there. */
export interface RecordCopy extends PartitionId {
  readonly record: AnyRecord;
  readonly headers: Headers;
}

export interface PartitionId {
  readonly topic: string;
  readonly partition: number;
}

/** A partition's name in messages and maps, such as ravenhelm.squad.status[0]. */
export function partitionName({ topic, partition }: PartitionId): string {
  return `${topic}[${partition}]`;
}

/** A replay point: the next record to fold, and the fold's small state just before it (at most 4,096 bytes). */
export interface CommittedOffset {
  readonly offset: number;
  readonly metadata: string;
}

export interface PartitionAssignment extends PartitionId {
  /** What the group has committed for this partition; null if nothing. */
  readonly committed: CommittedOffset | null;
  /** First offset that still exists, at assignment. */
  readonly logStart: number;
  /** Next offset to be written, at assignment. */
  readonly logEnd: number;
}

export interface GroupOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** The only partitions that this member wants; it gets those that no other member keeps. Default: its share. */
  readonly only?: readonly PartitionId[];
  /**
   * Called for each partition that the group assigns to this member. Reading starts at committed.offset, or at
   * logStart if nothing was committed. DataLoss sets the partition apart; other errors stop it and go to onFatal.
   */
  open(assignment: PartitionAssignment): PartitionConsumer;
  /**
   * Called with all partitions that are set apart whenever that changes: their records were lost, so they are not read
   * until a rebalance gives them again. The member and its other partitions continue.
   */
  onSetApart?(partitions: readonly SetApart[]): void;
  /** The member cannot continue: a handler threw, or the client crashed. */
  onFatal(error: Error): void;
}

/** A partition whose records were lost, and that is therefore not processed. */
export interface SetApart extends PartitionId {
  /** The first record that its group still needed. */
  readonly offset: number;
  /** What was lost, and what to do about it. */
  readonly reason: string;
}

/** One assigned partition, from open to closed. All calls are synchronous: fold, then return. */
export interface PartitionConsumer {
  /** In offset order, without gaps or repeats between open and closed. */
  onRecords(records: readonly LogRecord[]): void;
  /**
   * Asked after records were delivered: no more of them come before it resolves. It never rejects. null, or absent:
   * they come at once. The log may hold back other partitions of the member meanwhile.
   */
  room?(): Promise<void> | null;
  /** This record cannot be read yet (unknown event type or schema, registry down). The log retries it. */
  onBlocked(offset: number, reason: string): void;
  /** The blocked record has become readable. */
  onUnblocked(): void;
  /** The group has revoked the partition, or the member leaves. No more calls follow. */
  onClosed(): void;
}

export interface GroupMember {
  /**
   * Commits replay points. Resolves with the partitions that were committed; those that are no longer assigned, or
   * whose assignment is currently unverified, are left out. Rejects with CommitRefused if the group refuses.
   */
  commit(commits: readonly (PartitionId & CommittedOffset)[]): Promise<readonly PartitionId[]>;
  /** Whether the partition is still assigned to this member. */
  isAssigned(partition: PartitionId): boolean;
  /** The state of the membership, for health checks. */
  health(): MemberHealth;
  /** Closes every partition and leaves the group. */
  leave(): Promise<void>;
}

export interface MemberHealth {
  /** Milliseconds since the group or a broker last answered: a fetch, a heartbeat or a join. */
  readonly silentMs: number;
  /** Assigned partitions that are not open yet. */
  readonly opening: readonly PartitionId[];
  /** Assigned partitions that are not processed, because their records were lost. */
  readonly setApart: readonly SetApart[];
}

export interface WatchOptions {
  readonly topics: readonly string[];
  /** Who reads: brokers grant rights by it. Default client. */
  readonly reader?: WatchReader;
  /**
   * beginning: all records of the log. end: records that are written from now on. Places: the records of these
   * partitions from these offsets on, and nothing of the topics' other partitions.
   */
  readonly from: 'beginning' | 'end' | readonly WatchPlace[];
  /** Called in offset order within a partition. Poison and unreadable records go to onUndecodable, or are skipped. */
  onRecord(record: LogRecord): void;
  /** Called in the same order for poison and for records that cannot be read yet. */
  onUndecodable?(record: AnyRecord): void;
  /** Called once, when all records that existed at the start have been delivered. */
  onCaughtUp?(): void;
  onFatal(error: Error): void;
}

/** Where a watch begins in a partition; an offset below the first record that still exists means that record. */
export interface WatchPlace extends PartitionId {
  readonly offset: number;
}

/** Whether a watch from there delivers the records of a partition. */
export function isWatched({ from }: Pick<WatchOptions, 'from'>, { topic, partition }: PartitionId): boolean {
  return typeof from === 'string' || from.some((place) => place.topic === topic && place.partition === partition);
}

/** The first offset that a watch delivers of a partition whose records begin at low and end before high. */
export function watchStart(
  { from }: Pick<WatchOptions, 'from'>,
  { topic, partition, low, high }: PartitionId & { readonly low: number; readonly high: number },
): number {
  if (from === 'beginning') return low;
  if (from === 'end') return high;
  const place = from.find((each) => each.topic === topic && each.partition === partition);
  return place === undefined ? high : Math.min(Math.max(place.offset, low), high);
}

export interface Watch {
  stop(): Promise<void>;
}

export interface LogAdmin {
  /** Number of partitions; rejects with TopicMissing if the topic does not exist. */
  partitionCount(topic: string): Promise<number>;
  /** First existing and next offset of each partition, in partition order. */
  offsets(
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly low: number; readonly high: number }[]>;
  /** Committed offsets of a group, in partition order; offset is null if nothing was committed. */
  committed(
    groupId: string,
    topic: string,
  ): Promise<readonly { readonly partition: number; readonly offset: number | null; readonly metadata: string }[]>;
  /**
   * For each partition, in order, the offset of the first record whose timestamp is at or after a time (ms since the
   * epoch); the end of the partition if there is none.
   */
  offsetAtTime(
    topic: string,
    timestampMs: number,
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]>;
  /** Deletes the records of a partition below an offset. */
  deleteRecords(topic: string, partition: number, beforeOffset: number): Promise<void>;
  /** Creates missing topics. Reports differences of existing ones, and never changes them. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<readonly TopicDifference[]>;
}

/** One topic of topics.yaml, with names resolved. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** null: derived from the cluster's size (3 with three or more brokers, else 1). */
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

/** This record can never be written; later ones can. */
export class AppendRejected extends Error {
  readonly code = 'append_rejected';
  readonly retriable = false;
}

/** This client may not write to the topic, so that none of its records can be written until the right is given. */
export class AppendForbidden extends Error {
  readonly code = 'not_authorized';
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

/** The log was unreachable, or refused the record, for longer than the client's retries. */
export class AppendFailed extends Error {
  readonly code = 'append_failed';
  readonly retriable = true;
}

/** Whether the log itself has failed: this process cannot write what it does, whatever the record. */
export const isLogFailure = (error: unknown): error is AppendFailed | AppendForbidden =>
  error instanceof AppendFailed || error instanceof AppendForbidden;

/** The topic does not exist. */
export class TopicMissing extends Error {
  readonly code = 'topic_missing';
  readonly retriable = false;
}

/** The group refused the commit: the member has left or was removed, or the metadata is too long. */
export class CommitRefused extends Error {
  readonly code = 'commit_refused';
  readonly retriable = true;
}
