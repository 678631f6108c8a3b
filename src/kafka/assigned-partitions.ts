import type { KafkaMessage } from 'ravenhelm-kafkajs';
import type {
  CommittedOffset,
  GroupOptions,
  LogRecord,
  PartitionAssignment,
  PartitionConsumer,
  PartitionId,
} from '../ports/log.js';
import type { Logger } from '../ports/logger.js';
import type { Backoff } from './backoff.js';
import type { Codec } from '../avro/codec.js';
import type { ReadControl } from './consumer-session.js';
import { DataLoss } from '../domain/record.js';
import { describeSchemaFailure } from '../avro/errors.js';
import { describeError } from '../domain/describe-error.js';
import { reportFatal } from './errors.js';
import type { OwnRecords } from './own-records.js';
import { readBatch, type ReadStop } from './read-batch.js';

export interface AssignedPartitionsOptions {
  readonly group: GroupOptions;
  readonly codec: Codec;
  readonly control: ReadControl;
  readonly backoff: Backoff;
  readonly logger: Logger;
  /** The group's committed offsets and the log's bounds, of these partitions of a topic at least, asked of the cluster now. */
  fetchAssignments(topic: string, partitions: readonly number[]): Promise<readonly PartitionAssignment[]>;
}

/** The partitions that the group gives to this member, each from open to closed. */
export interface AssignedPartitions {
  /**
   * The group's word: closes what is gone, opens what is new, and sets every position (a rebalance resets them all).
   * @param memberId as which the group has accepted us
   */
  onJoin(assignment: readonly PartitionId[], memberId: string): void;
  /** Fetched records; `resolve` tells the client the last offset that was delivered. Returns whether any had not been delivered before. */
  onBatch(partition: PartitionId, messages: readonly KafkaMessage[], resolve: (offset: number) => void): boolean;
  /** Nothing of it is being fetched: what was delivered since the last batch need not be. */
  skipDelivered(partition: PartitionId, resolve: (offset: number) => void): void;
  /** A broker says that its log does not hold the position: the log has lost it, or that replica does not have it yet. */
  onOutOfRange(partition: PartitionId): void;
  /** What this process has appended; taken where it follows what was read. */
  onOwn(records: OwnRecords): void;
  isAssigned(partition: PartitionId): boolean;
  /** Of these, what may be committed now; it counts as committed from here on. */
  committable(commits: readonly (PartitionId & CommittedOffset)[]): readonly (PartitionId & CommittedOffset)[];
  held(): readonly PartitionId[];
  /** Those that are not open yet, or were stopped. */
  opening(): readonly PartitionId[];
  closeAll(): void;
}

interface Assigned extends PartitionId {
  /**
   * opening: paused until its committed offset is known. reading. waiting: paused before a record that cannot be
   * read yet. stopped: paused, its consumer threw.
   */
  phase: 'opening' | 'reading' | 'waiting' | 'stopped';
  consumer: PartitionConsumer | null;
  /** Next offset to deliver. */
  position: number;
  /** Next offset that the client was told to bring; not above the position. */
  expected: number;
  /** Highest offset that this member has found committed or has tried to commit. */
  committedOffset: number;
  /** The client was told where to read, and nothing has come from there yet. */
  isSought: boolean;
  /** Held by a member that the group had given up: whether somebody else had it meanwhile is being asked. Neither read nor committed. */
  isDoubtful: boolean;
  /** How often in a row, without a record between them, the position was out of a broker's range. */
  outOfRange: number;
  /** What its consumer was told, while it is blocked. */
  blockedReason: string | null;
}

export function createAssignedPartitions(options: AssignedPartitionsOptions): AssignedPartitions {
  const { group, codec, control, backoff, logger } = options;
  const assigned = new Map<string, Assigned>();
  /** Topics whose partitions are being opened. */
  const asking = new Set<string>();
  const isCurrent = (entry: Assigned) => assigned.get(keyOf(entry)) === entry;

  let knownAs: string | null = null;

  const onJoin = (assignment: readonly PartitionId[], memberId: string) => {
    // A new id is a new member to the group: it may have given the old one up (this process stood still) and its
    // partitions to others, who have committed further than we have read and had deleted what we have not.
    if (knownAs !== null && knownAs !== memberId) for (const entry of assigned.values()) entry.isDoubtful = true;
    knownAs = memberId;
    const given = new Set(assignment.map(keyOf));
    for (const entry of [...assigned.values()]) {
      if (!given.has(keyOf(entry))) close(entry);
    }
    for (const partition of assignment) keepOrPrepare(partition);
    for (const topic of group.topics) void openAll(topic);
  };

  const keepOrPrepare = ({ topic, partition }: PartitionId) => {
    const existing = assigned.get(keyOf({ topic, partition }));
    if (existing && existing.phase !== 'opening') {
      seek(existing);
      if (existing.phase === 'reading' && !existing.isDoubtful) control.resume(existing);
      else control.pause(existing);
      return;
    }
    // One that is still opening starts anew: what was fetched for it may be from before another member had it.
    control.pause(prepare({ topic, partition }));
  };

  const prepare = ({ topic, partition }: PartitionId): Assigned => {
    const entry: Assigned = {
      topic,
      partition,
      phase: 'opening',
      consumer: null,
      position: 0,
      expected: 0,
      committedOffset: 0,
      isSought: false,
      isDoubtful: false,
      outOfRange: 0,
      blockedReason: null,
    };
    assigned.set(keyOf(entry), entry);
    return entry;
  };

  /**
   * Never rejects. kafkajs does not wait for it, so after each await the group may have changed its mind; and while
   * leaders move it joins again and again, so that one question at a time is asked for a topic.
   */
  const openAll = async (topic: string) => {
    if (asking.has(topic)) return;
    asking.add(topic);
    let failures = 0;
    for (let entries = openingOf(topic); entries.length > 0; entries = openingOf(topic)) {
      const askedAs = knownAs;
      try {
        const states = await options.fetchAssignments(
          topic,
          entries.map(({ partition }) => partition),
        );
        failures = 0;
        if (askedAs !== knownAs) continue; // Given up once more: the answer may be from before somebody else had them.
        for (const state of states) {
          const entry = entries.find(({ partition }) => partition === state.partition);
          if (entry === undefined || !isCurrent(entry)) continue;
          if (entry.phase === 'opening') open(entry, state);
          else if (entry.isDoubtful) goOn(entry, state);
        }
      } catch (error) {
        failures += 1;
        logger.warn({ group: group.groupId, topic, error: describeError(error) }, 'kafka.open_retried');
        await backoff.wait(failures);
      }
    }
    asking.delete(topic);
  };
  const openingOf = (topic: string) =>
    [...assigned.values()].filter((entry) => entry.topic === topic && (entry.phase === 'opening' || entry.isDoubtful));

  const open = (entry: Assigned, state: PartitionAssignment) => {
    guarded(entry, () => {
      entry.consumer = group.open(state);
      if (!isCurrent(entry)) return entry.consumer.onClosed(); // open() itself left the group
      const { committed, logStart, logEnd } = state;
      // Never a position that the log does not hold: kafkajs would reset it to the beginning and commit that (#334 is of it).
      entry.position = committed === null ? logStart : Math.min(Math.max(committed.offset, logStart), logEnd);
      entry.committedOffset = committed?.offset ?? 0;
      read(entry);
    });
  };

  /** Where nobody else has committed, nobody else has held it to any effect: what runs goes on. */
  const goOn = (entry: Assigned, state: PartitionAssignment) => {
    entry.isDoubtful = false;
    if (hasMovedOn(entry, state)) reopen(entry, state);
    else if (entry.phase === 'reading') read(entry);
  };

  const hasMovedOn = (entry: Assigned, { committed }: PartitionAssignment) =>
    committed !== null && committed.offset > entry.committedOffset;

  const reopen = (entry: Assigned, state: PartitionAssignment) => {
    close(entry);
    open(prepare(entry), state);
  };

  const read = (entry: Assigned) => {
    entry.phase = 'reading';
    seek(entry);
    control.resume(entry);
  };

  const seek = (entry: Assigned) => {
    entry.expected = entry.position;
    entry.isSought = true;
    control.seek(entry, entry.position);
  };

  const onBatch: AssignedPartitions['onBatch'] = (partition, messages, resolve) => {
    const entry = assigned.get(keyOf(partition));
    if (entry?.phase !== 'reading' || entry.isDoubtful) return true; // who knows
    entry.isSought = false;
    const { records, position, stop } = readBatch(codec, entry, messages, entry.position, entry.expected);
    expectFrom(entry, position, resolve);
    deliver(entry, records, position);
    // The handlers may have thrown, or left the group.
    if (stop && entry.phase === 'reading' && isCurrent(entry)) wait(entry, stop);
    return records.length > 0 || stop !== null;
  };

  const skipDelivered: AssignedPartitions['skipDelivered'] = (partition, resolve) => {
    const entry = assigned.get(keyOf(partition));
    // What is sought is fetched from there, whatever is resolved.
    if (entry?.phase === 'reading' && !entry.isDoubtful && !entry.isSought) expectFrom(entry, entry.position, resolve);
  };

  const expectFrom = (entry: Assigned, offset: number, resolve: (offset: number) => void) => {
    if (offset <= entry.expected) return;
    entry.expected = offset;
    resolve(offset - 1);
  };

  const deliver = (entry: Assigned, records: readonly LogRecord[], position: number) => {
    if (records.length === 0) return;
    entry.position = position;
    entry.outOfRange = 0;
    guarded(entry, () => {
      if (entry.blockedReason !== null) entry.consumer?.onUnblocked();
      entry.blockedReason = null;
      if (isCurrent(entry)) entry.consumer?.onRecords(records);
    });
  };

  const onOwn = (own: OwnRecords) => {
    const entry = assigned.get(keyOf(own));
    if (entry?.phase !== 'reading' || entry.isDoubtful || own.baseOffset !== entry.position) return;
    const { records, position } = readBatch(codec, entry, own.messages(), entry.position);
    deliver(entry, records, position);
  };

  const onOutOfRange: AssignedPartitions['onOutOfRange'] = (partition) => {
    const entry = assigned.get(keyOf(partition));
    if (entry?.phase !== 'reading' || entry.isDoubtful) return;
    entry.outOfRange += 1;
    logger.info(
      {
        group: group.groupId,
        topic: entry.topic,
        partition: entry.partition,
        position: entry.position,
        times: entry.outOfRange,
      },
      'kafka.out_of_range',
    );
    suspend(entry);
    void examine(entry, entry.position);
  };

  const suspend = (entry: Assigned) => {
    entry.phase = 'waiting';
    control.pause(entry);
  };

  const wait = (entry: Assigned, stop: ReadStop) => {
    suspend(entry);
    switch (stop.kind) {
      case 'schema_needed':
        return void loadSchema(entry, stop.schemaId);
      case 'unreadable':
        // What a schema id stands for never changes: this build cannot read it, another member's may.
        return block(entry, stop.reason);
      case 'gap':
        return void examine(entry, stop.nextOffset);
      case 'rewound':
        return void examine(entry, entry.position);
    }
  };
  const isWaiting = (entry: Assigned) => entry.phase === 'waiting' && isCurrent(entry);

  /** Never rejects. The client goes on with its heartbeats meanwhile. */
  const loadSchema = async (entry: Assigned, schemaId: number) => {
    for (let attempt = 1; isWaiting(entry); attempt += 1) {
      try {
        await codec.loadSchema(schemaId);
        if (isWaiting(entry)) read(entry);
      } catch (error) {
        if (!isWaiting(entry)) return;
        block(entry, describeSchemaFailure(error));
        await backoff.wait(attempt);
      }
    }
  };

  const block = (entry: Assigned, reason: string) => {
    if (entry.blockedReason === reason) return;
    entry.blockedReason = reason;
    logger.warn(
      { group: group.groupId, topic: entry.topic, partition: entry.partition, offset: entry.position, reason },
      'kafka.partition_blocked',
    );
    guarded(entry, () => entry.consumer?.onBlocked(entry.position, reason));
  };

  /**
   * Never rejects. Finds out why the client's records do not begin at the position, or why there are none. Offsets have
   * holes where records were deleted, which is data loss, or compacted, which is not; and a log that ends before the
   * position is another one.
   */
  const examine = async (entry: Assigned, nextOffset: number) => {
    for (let attempt = 1; isWaiting(entry); attempt += 1) {
      try {
        const state = (await options.fetchAssignments(entry.topic, [entry.partition])).find(
          ({ partition }) => partition === entry.partition,
        );
        if (!state || !isWaiting(entry)) continue;
        if (hasMovedOn(entry, state)) return reopen(entry, state); // Somebody else has held it, and is done with what is deleted.
        const lost = lossIn(state, entry.position);
        if (lost !== null)
          return stop(
            entry,
            new DataLoss(
              `${keyOf(entry)}: ${lost}. To go on without what is lost, stop what serves it and run: ravenhelm recover ${entry.topic} ${entry.partition} --accept-loss`,
            ),
          );
        if (entry.outOfRange > 0) await backoff.wait(entry.outOfRange);
        if (!isWaiting(entry)) return;
        entry.position = nextOffset;
        read(entry);
      } catch (error) {
        logger.warn({ group: group.groupId, topic: entry.topic, error: describeError(error) }, 'kafka.examine_retried');
        await backoff.wait(attempt);
      }
    }
  };

  /** What a log cannot have any more for a reader at this position; null when nothing is lost. */
  const lossIn = ({ logStart, logEnd }: PartitionAssignment, position: number): string | null => {
    if (logStart > position)
      return `records ${position} to ${logStart - 1} were deleted before group ${group.groupId} had read them`;
    if (logEnd >= position) return null;
    return `group ${group.groupId} has read up to ${position}, and the log goes from ${logStart} to ${logEnd}: the topic was made anew, or cut back`;
  };

  const close = (entry: Assigned) => {
    assigned.delete(keyOf(entry));
    const { consumer } = entry;
    entry.consumer = null;
    if (consumer) guarded(entry, () => consumer.onClosed());
  };

  const stop = (entry: Assigned, error: unknown) => {
    entry.phase = 'stopped';
    if (isCurrent(entry)) control.pause(entry);
    reportFatal(group, error, logger);
  };

  const guarded = (entry: Assigned, work: () => void) => {
    try {
      work();
    } catch (error) {
      stop(entry, error);
    }
  };

  return {
    onJoin,
    onBatch,
    skipDelivered,
    onOutOfRange,
    onOwn,
    isAssigned: (partition) => assigned.has(keyOf(partition)),
    committable(commits) {
      return commits.filter(({ topic, partition, offset }) => {
        const entry = assigned.get(keyOf({ topic, partition }));
        if (entry === undefined || entry.isDoubtful) return false;
        entry.committedOffset = Math.max(entry.committedOffset, offset);
        return true;
      });
    },
    held: () => [...assigned.values()],
    opening: () =>
      [...assigned.values()]
        .filter(({ phase }) => phase === 'opening' || phase === 'stopped')
        .map(({ topic, partition }) => ({ topic, partition })),
    closeAll() {
      for (const entry of [...assigned.values()]) close(entry);
    },
  };
}

function keyOf({ topic, partition }: PartitionId): string {
  return `${topic}[${partition}]`;
}
