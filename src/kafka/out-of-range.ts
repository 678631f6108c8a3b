import ConsumerGroup from 'ravenhelm-kafkajs/src/consumer/consumerGroup.js';
import type { PartitionId } from '../ports/log.js';
import { replaceMethod } from './replace-method.js';

type Listener = (partition: PartitionId) => void;

/** By member id, which no two members have. */
const listeners = new Map<string, Listener>();

/**
 * kafkajs 2.2.4 takes OFFSET_OUT_OF_RANGE for the end of its position: it commits -2, "the beginning", as the group's
 * offset, over whatever the group had committed, and the replay point is gone. But a broker says it also when nothing
 * is lost: since Kafka 2.4 a consumer may fetch from any replica (KIP-392), and while partitions are reassigned one
 * that has led before and comes back does not have everything yet. So nothing is committed: the client learns who
 * leads, and the reader learns of it and asks the leader. (consumer/consumerGroup.js recoverFromOffsetOutOfRange.)
 */
export function commitNothingOutOfRange(): void {
  replaceMethod(
    ConsumerGroup?.prototype,
    'recoverFromOffsetOutOfRange',
    () =>
      async function (this: ConsumerGroup, { topic, partition }) {
        delete this.preferredReadReplicasPerTopicPartition[topic]?.[partition];
        await this.cluster.refreshMetadata();
        listeners.get(this.memberId ?? '')?.({ topic, partition });
      },
  );
}

/** Calls back when a broker's log does not hold the position of this member, until the returned function is called. */
export function listenForOutOfRange(memberId: string, listener: Listener): () => void {
  listeners.set(memberId, listener);
  return () => void listeners.delete(memberId);
}
