import type { Admin } from 'ravenhelm-kafkajs';
import { isWatchGroup, otherSwarms, roleGroups, topicsOfSwarm } from '../domain/swarm-remains.js';
import type { TopicNames } from '../domain/topic-names.js';
import { TopicMissing } from '../ports/log.js';
import type { GroupMember, SwarmPurge, SwarmRemains } from '../ports/swarm-purge.js';
import { partitionsOf } from './admin-session.js';
import { needing, protocolErrorType } from './errors.js';
import { openAdminSession, type AdminOptions } from './open-admin-session.js';

export interface KafkaPurgeOptions extends AdminOptions {
  readonly names: TopicNames;
}

/** To a request as old as kafkajs's (version 1) brokers answer the second; the first came with version 3. */
const DELETION_DISABLED: ReadonlySet<string> = new Set(['TOPIC_DELETION_DISABLED', 'INVALID_REQUEST']);

/** The brokers delete no topics. */
class DeletionDisabled extends Error {
  readonly code = 'deletion_disabled';
  readonly retriable = false;
  readonly nextStep = 'Set delete.topic.enable=true on the brokers, restart them, then try again.';
}

/** Connects to the brokers; needs no schema registry. Rejects with BrokerUnreachable. */
export async function createKafkaPurge(options: KafkaPurgeOptions): Promise<SwarmPurge> {
  const { names } = options;
  const session = await openAdminSession(options);
  return {
    find: () => session.run((admin) => find(admin, names)),
    async remove({ topics, groups }, onRemoved) {
      for (const group of groups) {
        await session.run((admin) => deleteGroup(admin, group));
        onRemoved(group);
      }
      for (const topic of topics) {
        await session.run((admin) => deleteTopic(admin, topic));
        onRemoved(topic);
      }
    },
    close: () => session.close(),
  };
}

async function find(admin: Admin, names: TopicNames): Promise<SwarmRemains> {
  const listed = await admin.listTopics();
  // A topic that this user may not describe is not listed: a question about it says so.
  for (const topic of [names.coordination, names.status, names.deadLetters])
    if (!listed.includes(topic)) await requireDescribe(admin, topic);
  const { topics, agents, left } = topicsOfSwarm(names, listed);
  const { groups: all } = await admin.listGroups();
  const watching = all.map(({ groupId }) => groupId).filter((group) => isWatchGroup(names, group));
  const asked = [...roleGroups(names, agents), ...watching];
  const { groups } = await needing(
    { operation: 'DESCRIBE', resource: 'group', names: asked },
    `Who is in the groups of ${names.prefix}`,
    admin.describeGroups(asked),
  );
  const existing = groups.filter(({ state }) => state !== 'Dead');
  return {
    topics,
    left,
    others: otherSwarms(names, listed),
    groups: existing.map(({ groupId }) => groupId),
    members: existing.flatMap(({ groupId: group, members }) =>
      members.map(({ clientId, clientHost }): GroupMember => ({ group, client: clientId, host: clientHost })),
    ),
  };
}

/** Rejects with NotAuthorized where this user may not know whether the topic is there. */
async function requireDescribe(admin: Admin, topic: string): Promise<void> {
  try {
    await partitionsOf(admin, topic);
  } catch (error) {
    if (!(error instanceof TopicMissing)) throw error;
  }
}

async function deleteGroup(admin: Admin, group: string): Promise<void> {
  try {
    const right = { operation: 'DELETE', resource: 'group', names: [group] } as const;
    await needing(right, `Deleting the group ${group}`, admin.deleteGroups([group]));
  } catch (error) {
    // What a purge before, or the broker itself, has removed meanwhile.
    if (!isGroupGone(error)) throw error;
  }
}

const isGroupGone = (error: unknown): boolean =>
  error instanceof Error &&
  'groups' in error &&
  Array.isArray(error.groups) &&
  error.groups.every(
    (failed: { readonly error?: unknown }) => protocolErrorType(failed.error) === 'GROUP_ID_NOT_FOUND',
  );

async function deleteTopic(admin: Admin, topic: string): Promise<void> {
  try {
    const right = { operation: 'DELETE', resource: 'topic', names: [topic] } as const;
    await needing(right, `Deleting the topic ${topic}`, admin.deleteTopics({ topics: [topic] }));
  } catch (error) {
    const type = protocolErrorType(error);
    if (type !== null && DELETION_DISABLED.has(type))
      throw new DeletionDisabled(`the brokers do not delete topics, ${topic} neither`, { cause: error });
    if (type !== 'UNKNOWN_TOPIC_OR_PARTITION') throw error;
  }
}
