import kafkajs from 'ravenhelm-kafkajs';
import { withoutColons } from './ipv6-hosts.js';
import { createSocketFactory } from './socket-factory.js';

/** The cluster's id when the broker answers and takes work; null when it does not (yet). Never rejects. */
export async function askBroker(brokers: readonly string[]): Promise<string | null> {
  const kafka = new kafkajs.Kafka({
    clientId: 'ravenhelm-stack',
    brokers: brokers.map(withoutColons),
    logLevel: kafkajs.logLevel.NOTHING,
    connectionTimeout: 2_000,
    requestTimeout: 5_000,
    retry: { retries: 0 },
    socketFactory: createSocketFactory(),
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    const cluster = await admin.describeCluster();
    // A KRaft broker listens before the controller has unfenced it; until then the cluster has no brokers.
    return cluster.brokers.length > 0 ? cluster.clusterId : null;
  } catch {
    return null; // not there or not ready: the caller asks again or says so
  } finally {
    await admin.disconnect();
  }
}
