/**
 * Partitions that are not processed: they stop before a record that cannot be read for now, or records were lost.
 * Operators see them in heartbeats, on the status topic and in the role's health for as long as that lasts.
 */
import type { PayloadOf } from '../../domain/events.js';
import { partitionName, type PartitionId, type SetApart } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import type { Presence } from './presence.js';

type Blocked = PayloadOf<'heartbeat'>['blocked'][number];

export interface BlockedPartitions {
  /** Again for a partition when the reason has changed. */
  block(partition: PartitionId, offset: number, reason: string): void;
  /** The record was read after all. */
  unblock(partition: PartitionId): void;
  /** The partition was revoked. */
  forget(partition: PartitionId): void;
  /** All partitions of a group that are set apart, whenever that changes. */
  setApart(groupId: string, partitions: readonly SetApart[]): void;
  list(): Blocked[];
}

export interface BlockedPartitionsDeps {
  readonly logger: Logger;
  readonly processId: string;
  /** Where it is reported; null before the process reports anything. */
  presence(): Pick<Presence, 'send' | 'heartbeatSoon'> | null;
  /** Whether the process does its work but for what is blocked. */
  isReady(): boolean;
}

export function createBlockedPartitions(deps: BlockedPartitionsDeps): BlockedPartitions {
  const { logger } = deps;
  const blocked = new Map<string, Blocked>();
  /** By group. */
  const apart = new Map<string, readonly SetApart[]>();
  const list = () => [
    ...blocked.values(),
    ...[...apart.values()].flat().map((each) => ({ ...each, reason: `set apart: ${each.reason}` })),
  ];
  const say = createAnnouncer(deps, () => list().length === 0);

  return {
    block({ topic, partition }, offset, reason) {
      logger.error({ topic, partition, offset, reason }, 'partition.blocked');
      blocked.set(partitionName({ topic, partition }), { topic, partition, offset, reason });
      say.unhealthy(`${partitionName({ topic, partition })} stops at offset ${offset}: ${reason}`);
    },
    unblock({ topic, partition }) {
      if (!blocked.delete(partitionName({ topic, partition }))) return;
      logger.info({ topic, partition }, 'partition.unblocked');
      say.improved();
    },
    setApart(groupId, partitions) {
      const before = apart.get(groupId) ?? [];
      apart.set(groupId, partitions);
      for (const { topic, partition, offset, reason } of without(partitions, before)) {
        logger.error({ topic, partition, offset, reason }, 'partition.set_apart');
        say.unhealthy(`${partitionName({ topic, partition })} is set apart at offset ${offset}: ${reason}`);
      }
      const ended = without(before, partitions);
      for (const { topic, partition } of ended) logger.info({ topic, partition }, 'partition.set_apart_ended');
      if (ended.length > 0) say.improved();
    },
    forget: (partition) => void blocked.delete(partitionName(partition)),
    list,
  };
}

/** What the status topic says of it. */
function createAnnouncer({ processId, presence, isReady }: BlockedPartitionsDeps, isClear: () => boolean) {
  const service = (status: string, message: string | null) => ({
    service_name: processId,
    status,
    container_id: null,
    health_check_url: null,
    error_message: message,
    metadata: {},
  });
  return {
    unhealthy(message: string) {
      presence()?.send({ type: 'service_unhealthy', from: processId, payload: service('unhealthy', message) });
      presence()?.heartbeatSoon();
    },
    improved() {
      if (isClear() && isReady())
        presence()?.send({ type: 'service_ready', from: processId, payload: service('ready', null) });
      presence()?.heartbeatSoon();
    },
  };
}

function without(partitions: readonly SetApart[], others: readonly SetApart[]): readonly SetApart[] {
  const names = new Set(others.map(partitionName));
  return partitions.filter((each) => !names.has(partitionName(each)));
}
