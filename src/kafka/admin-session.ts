import type { Admin } from 'ravenhelm-kafkajs';
import { backoffMs, type Random } from '../domain/backoff.js';
import type { Clock } from '../ports/clock.js';
import { leaving, needing, protocolErrorType } from './errors.js';
import type { ClientFactory } from './kafka-client.js';
import { TopicMissing } from '../ports/log.js';

/** A shared administrator's connection that replaces itself. */
export interface AdminSession {
  /**
   * Runs work on a connected admin, one after the other: of two requests for different topics at once kafkajs's
   * shared metadata refresh forgets one. Runs it again when the cluster was busy with itself, so work must be
   * repeatable. Any failure discards the connection with the stale metadata that kafkajs keeps in it.
   */
  run<T>(work: (admin: Admin) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Passing states of a cluster: a group's coordinator or a partition's leader is starting or moving. */
const PASSING = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'NOT_CONTROLLER',
]);
const mayPass = (error: unknown) => error instanceof StaleMetadata || PASSING.has(protocolErrorType(error) ?? '');
/**
 * On a connection that has served before it may be of another topic: kafkajs asks each time for every topic that it was
 * ever asked for.
 */
const isOfSomeTopic = (error: unknown) => protocolErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION';
const ATTEMPTS = 7;
const PAUSE = { baseMs: 150, maxMs: 2_500 };

export function createAdminSession(createClient: ClientFactory, clock: Clock, random: Random): AdminSession {
  let current: Admin | null = null;
  let last: Promise<unknown> = Promise.resolve();
  const closing = new Set<Promise<void>>();

  const connected = async (): Promise<Admin> => {
    if (current) return current;
    const admin = createClient().admin();
    current = admin;
    await admin.connect();
    return admin;
  };
  const discard = () => {
    if (!current) return;
    // A connection that failed cannot fail again in a way that matters: it is not used any more.
    const done = current
      .disconnect()
      .catch(() => undefined)
      .finally(() => closing.delete(done));
    closing.add(done);
    current = null;
  };

  const runOnce = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    try {
      return await work(await connected());
    } catch (error) {
      discard();
      throw error;
    }
  };

  const runPatiently = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt += 1) {
      const isReused = current !== null;
      try {
        return await runOnce(work);
      } catch (error) {
        if (isReused && isOfSomeTopic(error)) continue; // the next connection is a new one
        if (!mayPass(error) || attempt === ATTEMPTS) throw leaving(error, 'A question to the cluster');
        await new Promise<void>((resolve) => clock.setTimer(backoffMs(attempt, PAUSE, random), resolve));
      }
    }
  };

  return {
    run(work) {
      const done = last.then(() => runPatiently(work));
      last = done.catch(() => undefined); // The caller has the rejection; the next in line does not depend on it.
      return done;
    },
    async close() {
      await last;
      discard();
      await Promise.all(closing);
    },
  };
}

/** kafkajs answers with what it knew when it connected; partitions were added since. */
export class StaleMetadata extends Error {
  readonly code = 'stale_metadata';
  readonly retriable = true;
}

/** Numbers of a topic's partitions, in order, asked of the cluster now; rejects with TopicMissing. */
export async function partitionsOf(admin: Admin, topic: string): Promise<readonly number[]> {
  try {
    const { topics } = await describing(topic, admin.fetchTopicMetadata({ topics: [topic] }));
    const found = topics.find(({ name }) => name === topic);
    return (found?.partitions ?? []).map(({ partitionId }) => partitionId).sort((a, b) => a - b);
  } catch (error) {
    const type = protocolErrorType(error);
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'INVALID_TOPIC_EXCEPTION') {
      throw new TopicMissing(`Topic ${topic} does not exist; create it: npx ravenhelm init`, { cause: error });
    }
    throw error;
  }
}

/** A question about a topic's partitions. */
export function describing<T>(topic: string, question: Promise<T>): Promise<T> {
  const right = { operation: 'DESCRIBE', resource: 'topic', names: [topic] } as const;
  return needing(right, `A question about the topic ${topic}`, question);
}
