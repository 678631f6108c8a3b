import type ConsumerGroup from 'ravenhelm-kafkajs/src/consumer/consumerGroup.js';
import type { FetchedBatch } from 'ravenhelm-kafkajs/src/consumer/consumerGroup.js';
import { describeError } from '../domain/describe-error.js';
import type { Clock } from '../ports/clock.js';
import { partitionName, type PartitionId } from '../ports/log.js';
import { isTransactional, readHeader } from './batches/current-format.js';
import { firstEntry } from './batches/record-set.js';
import { logEnds, type LogEnds } from './fetch-answer.js';

/**
 * Brokers give a reader no record behind the beginning of a transaction that is open (the last stable offset). One that
 * its producer never ends holds its partition up until the broker aborts it (transaction.timeout.ms, a minute by
 * default), or without end where the broker has lost it (a hanging transaction, KIP-664). So it is named.
 */
export interface OpenTransactions {
  readonly clock: Clock;
  /** Again after each fetch, until it ends. @param offset of its first record */
  onOpen(place: PartitionId, offset: number, reason: string): void;
  onEnded(place: PartitionId): void;
}

/** Ordinary transactions end sooner; they are not reported. */
const OPEN_FOR_MS = 10_000;
const READ_UNCOMMITTED = 0;

/** The stable end of a partition that does not move, though its log is longer. */
interface Standing {
  readonly offset: number;
  readonly sinceMs: number;
  /** Set when it has not moved for OPEN_FOR_MS. */
  readonly reason: string | null;
}

interface Member {
  generation: number | null;
  readonly standing: Map<string, Standing>;
}

/** By member id, which no two members have. */
const listeners = new Map<string, OpenTransactions>();
const members = new WeakMap<ConsumerGroup, Member>();

/** Reports transactions that hold a member's partitions up, until the returned function is called. */
export function listenForOpenTransactions(memberId: string, listener: OpenTransactions): () => void {
  listeners.set(memberId, listener);
  return () => void listeners.delete(memberId);
}

/** Looks at what a member's fetch has brought. Never rejects. */
export async function noticeOpenTransactions(
  group: ConsumerGroup,
  nodeId: string,
  batches: readonly FetchedBatch[],
): Promise<void> {
  const listener = listeners.get(group.memberId ?? '');
  if (listener === undefined) return;
  const member = members.get(group) ?? { generation: group.generationId, standing: new Map() };
  members.set(group, member);
  // A partition that comes again with a rebalance is another one to its reader.
  if (member.generation !== group.generationId) member.standing.clear();
  member.generation = group.generationId;
  for (const { topic, partition, rawMessages } of batches) {
    const ends = logEnds(rawMessages);
    if (ends === null) continue;
    const place = { topic, partition };
    const name = partitionName(place);
    const before = member.standing.get(name) ?? null;
    const after = nextStanding(before, ends, listener.clock.monotonicMs());
    if (after === null) member.standing.delete(name);
    else member.standing.set(name, await describe(group, nodeId, place, after, listener.clock));
    const reason = member.standing.get(name)?.reason ?? null;
    if (after !== null && reason !== null) listener.onOpen(place, after.offset, reason);
    else if (before !== null && before.reason !== null) listener.onEnded(place);
  }
}

function nextStanding(before: Standing | null, { lastStableOffset, highWatermark }: LogEnds, nowMs: number) {
  if (lastStableOffset >= highWatermark) return null;
  return before?.offset === lastStableOffset ? before : { offset: lastStableOffset, sinceMs: nowMs, reason: null };
}

async function describe(
  group: ConsumerGroup,
  nodeId: string,
  place: PartitionId,
  standing: Standing,
  clock: Clock,
): Promise<Standing> {
  if (standing.reason !== null || clock.monotonicMs() - standing.sinceMs < OPEN_FOR_MS) return standing;
  const { topic, partition } = place;
  const { offset } = standing;
  const what = await whatIsOpen(group, nodeId, place, offset);
  const abort = `kafka-transactions.sh abort --topic ${topic} --partition ${partition} --start-offset ${offset}`;
  const reason =
    `${what}; no record from offset ${offset} on can be read until it ends. Let its program end it, ` +
    `or abort it at the broker: ${abort}`;
  return { ...standing, reason };
}

/** Its first batch, which a fetch brings that reads what is not committed, names the producer and the time. */
async function whatIsOpen(
  group: ConsumerGroup,
  nodeId: string,
  { topic, partition }: PartitionId,
  offset: number,
): Promise<string> {
  const what = 'a transaction of another program is open';
  try {
    const broker = await group.cluster.findBroker({ nodeId });
    const { responses } = await broker.fetch({
      isolationLevel: READ_UNCOMMITTED,
      maxWaitTime: 0,
      minBytes: 0,
      maxBytes: 1,
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: 1 }] }],
    });
    const messages = responses[0]?.partitions[0]?.messages;
    const entry = messages === undefined ? null : firstEntry(logEnds(messages)?.recordBytes ?? Buffer.alloc(0));
    const header = entry === null ? null : readHeader(entry);
    if (header === null || typeof header === 'string' || !isTransactional(header)) return what;
    const since = isoTime(header.firstTimestampMs);
    return `${what} since ${since} (producer id ${header.producerId}, epoch ${header.producerEpoch})`;
  } catch (error) {
    return `${what} (its producer could not be asked for: ${describeError(error)})`;
  }
}

function isoTime(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? `${ms} ms` : time.toISOString();
}
