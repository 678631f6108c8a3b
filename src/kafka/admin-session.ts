import type { Admin } from 'kafkajs';
import type { Clock } from '../ports/clock.js';
import { protocolErrorType } from './errors.js';
import type { ClientFactory } from './kafka-client.js';
import { TopicMissing } from '../ports/log.js';

/** A shared administrator's connection that replaces itself. */
export interface AdminSession {
  /**
   * Runs work on a connected admin; again when the cluster was busy with itself, so work must be repeatable. Any
   * failure retires the connection: kafkajs keeps stale metadata and targets in it.
   */
  run<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  /** Makes the next run start with fresh metadata (a partition was added). */
  refresh(): void;
  close(): Promise<void>;
}

interface Connection {
  readonly admin: Admin;
  readonly connected: Promise<void>;
  users: number;
  retired: boolean;
}

/** Passing states of a cluster: a group's coordinator or a partition's leader is starting or moving. */
const PASSING = new Set(['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR_FOR_GROUP', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION', 'NOT_CONTROLLER']);
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 100;

export function createAdminSession(createClient: ClientFactory, clock: Clock): AdminSession {
  let current: Connection | null = null;
  const closing = new Set<Promise<void>>();

  const open = (): Connection => {
    const admin = createClient().admin();
    return { admin, connected: admin.connect(), users: 0, retired: false };
  };
  const retire = (connection: Connection) => {
    if (current === connection) current = null;
    connection.retired = true;
    if (connection.users === 0) disconnect(connection);
  };
  const disconnect = (connection: Connection) => {
    // A connection that failed cannot fail again in a way that matters: it is not used any more.
    const done = connection.admin.disconnect().catch(() => undefined).finally(() => closing.delete(done));
    closing.add(done);
  };

  const runOnce = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    const connection = (current ??= open());
    connection.users += 1;
    try {
      await connection.connected;
      return await work(connection.admin);
    } catch (error) {
      retire(connection);
      throw error;
    } finally {
      connection.users -= 1;
      if (connection.retired && connection.users === 0) disconnect(connection);
    }
  };

  return {
    async run(work) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await runOnce(work);
        } catch (error) {
          if (!PASSING.has(protocolErrorType(error) ?? '') || attempt === ATTEMPTS) throw error;
          await new Promise<void>((resolve) => clock.setTimer(FIRST_PAUSE_MS * 2 ** (attempt - 1), resolve));
        }
      }
    },
    refresh() {
      if (current) retire(current);
    },
    async close() {
      if (current) retire(current);
      await Promise.all(closing);
    },
  };
}

/** Numbers of a topic's partitions, in order, asked of the cluster now; rejects with TopicMissing. */
export async function partitionsOf(admin: Admin, topic: string): Promise<readonly number[]> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    const found = topics.find(({ name }) => name === topic);
    return (found?.partitions ?? []).map(({ partitionId }) => partitionId).sort((a, b) => a - b);
  } catch (error) {
    const type = protocolErrorType(error);
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'INVALID_TOPIC_EXCEPTION') {
      throw new TopicMissing(`Topic ${topic} does not exist; create it with ensureTopics`, { cause: error });
    }
    throw error;
  }
}
