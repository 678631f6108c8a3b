import ConsumerGroup from 'ravenhelm-kafkajs/src/consumer/consumerGroup.js';
import { pause, type Clock } from '../ports/clock.js';
import { noticeOpenTransactions } from './open-transactions.js';
import { replaceMethod } from './replace-method.js';

/** After so many fetches, some ten seconds at rest, a member has settled. */
export const SETTLED_AFTER_FETCHES = 50;
export const SETTLED_WAIT_MS = 1_000;
/** Before the next fetch, for each in a row that brought nothing new, and at most. */
export const PAUSE_STEP_MS = 2;
export const LONGEST_PAUSE_MS = 10;

/** A reader that has read every record of a batch before it came. */
export interface KnownBatchReader {
  readonly clock: Clock;
  /**
   * Called when nothing of the batch's partition is being fetched: the next fetch need not bring what was read
   * meanwhile.
   */
  skipRead(): void;
}

const known = new WeakMap<object, KnownBatchReader>();

/** The batch brought nothing but what this process has appended, and was read when that was acknowledged. */
export function markKnown(batch: object, reader: KnownBatchReader): void {
  known.set(batch, reader);
}

interface Member {
  /** As it was made. */
  readonly shortWaitMs: number;
  generation: number | null;
  fetches: number;
  /** Fetches in a row that brought nothing new. */
  knownInARow: number;
  /** By the last fetch of each broker. */
  readonly brought: Map<string, Awaited<ReturnType<ConsumerGroup['fetch']>>>;
}

/**
 * How long a fetch waits for records, and when the next one begins. (consumer/consumerGroup.js fetch.)
 *
 * A member that has settled waits longer, so that a swarm at rest asks seldom: each of a worker's twelve consumers has
 * a fetch under way all the time. Records are not later for it, for they end the wait. A rebalance is, by as much at
 * most: kafkajs sends its heartbeats between fetches, and a partition that comes is read with the next one. So after a
 * rebalance the waits are short for a while.
 *
 * What this process appends ends its own fetch, which then brings what was read long before (own-records.ts): for a
 * task without steps that is half of all requests. After such a fetch the next one begins a little later, behind what
 * was appended and read meanwhile. What others append is later by as much at most.
 */
export function paceFetches(): void {
  const members = new WeakMap<ConsumerGroup, Member>();
  replaceMethod(
    ConsumerGroup?.prototype,
    'fetch',
    (fetch) =>
      async function (this: ConsumerGroup, nodeId) {
        const member = members.get(this) ?? {
          shortWaitMs: this.maxWaitTime,
          generation: this.generationId,
          fetches: 0,
          knownInARow: 0,
          brought: new Map(),
        };
        members.set(this, member);
        if (member.generation !== this.generationId) begin(member, this.generationId);
        await pauseAfterKnown(member, nodeId);
        this.maxWaitTime =
          member.fetches < SETTLED_AFTER_FETCHES ? member.shortWaitMs : Math.max(member.shortWaitMs, SETTLED_WAIT_MS);
        member.fetches += 1;
        const batches = await fetch.call(this, nodeId);
        member.brought.set(nodeId, batches);
        await noticeOpenTransactions(this, nodeId, batches);
        return batches;
      },
  );
}

/** A rebalance has reset every position; what was brought before says nothing any more. */
function begin(member: Member, generation: number | null): void {
  Object.assign(member, { generation, fetches: 0, knownInARow: 0 });
  member.brought.clear();
}

async function pauseAfterKnown(member: Member, nodeId: string): Promise<void> {
  const brought = (member.brought.get(nodeId) ?? []).filter((batch) => !batch.isEmpty());
  member.brought.delete(nodeId); // Not kept alive while the next fetch waits.
  const readers = brought.flatMap((batch) => known.get(batch) ?? []);
  const [first] = readers;
  if (first === undefined || readers.length < brought.length) {
    if (brought.length > 0) member.knownInARow = 0;
    return;
  }
  member.knownInARow += 1;
  await pause(first.clock, Math.min(LONGEST_PAUSE_MS, PAUSE_STEP_MS * member.knownInARow));
  for (const reader of readers) reader.skipRead();
}
