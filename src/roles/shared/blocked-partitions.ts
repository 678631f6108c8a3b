/** Partitions that stop before a record which cannot be read for now: told to operators for as long as they do. */
import type { PayloadOf } from '../../domain/events.js';
import type { PartitionId } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import type { Presence } from './presence.js';

type Blocked = PayloadOf<'heartbeat'>['blocked'][number];

export interface BlockedPartitions {
  /** Again for a partition when the reason has changed. */
  block(partition: PartitionId, offset: number, reason: string): void;
  /** The record was read after all. */
  unblock(partition: PartitionId): void;
  /** The partition was taken away. */
  forget(partition: PartitionId): void;
  list(): Blocked[];
}

export interface BlockedPartitionsDeps {
  readonly logger: Logger;
  readonly processId: string;
  /** Whom it can be told to; null before the process says anything. */
  presence(): Pick<Presence, 'send' | 'beatSoon'> | null;
  /** Whether the process does its work but for what is blocked. */
  isReady(): boolean;
}

export function createBlockedPartitions({
  logger,
  processId,
  presence,
  isReady,
}: BlockedPartitionsDeps): BlockedPartitions {
  const blocked = new Map<string, Blocked>();
  const idOf = ({ topic, partition }: PartitionId) => `${topic}[${partition}]`;
  const service = (status: string, message: string | null) => ({
    service_name: processId,
    status,
    container_id: null,
    health_check_url: null,
    error_message: message,
    metadata: {},
  });

  return {
    block({ topic, partition }, offset, reason) {
      logger.error({ topic, partition, offset, reason }, 'partition.blocked');
      blocked.set(idOf({ topic, partition }), { topic, partition, offset, reason });
      const message = `${idOf({ topic, partition })} stops at offset ${offset}: ${reason}`;
      presence()?.send({ type: 'service_unhealthy', from: processId, payload: service('unhealthy', message) });
      presence()?.beatSoon();
    },
    unblock({ topic, partition }) {
      if (!blocked.delete(idOf({ topic, partition }))) return;
      logger.info({ topic, partition }, 'partition.unblocked');
      if (blocked.size === 0 && isReady())
        presence()?.send({ type: 'service_ready', from: processId, payload: service('ready', null) });
      presence()?.beatSoon();
    },
    forget: (partition) => void blocked.delete(idOf(partition)),
    list: () => [...blocked.values()],
  };
}
