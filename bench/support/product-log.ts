/** The product's own log on the bench's broker, as a process of the product opens it. */
import { join } from 'node:path';
import { createKafkaLog, type KafkaLog } from '../../src/kafka/kafka-log.js';
import type { Logger } from '../../src/ports/logger.js';
import { createSystemClock, createSystemIds } from '../../src/telemetry/system-clock.js';

export interface Cluster {
  readonly brokers: readonly string[];
  readonly registryUrl: string;
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

export function openProductLog(
  { brokers, registryUrl }: Cluster,
  projectDir: string,
  prefix: string,
  clientId: string,
): Promise<KafkaLog> {
  return createKafkaLog({
    brokers,
    clientId,
    registry: { url: registryUrl },
    schemasDir: join(projectDir, 'schemas'),
    prefix,
    clock: createSystemClock(),
    ids: createSystemIds(),
    random: Math.random,
    logger: silent,
  });
}
