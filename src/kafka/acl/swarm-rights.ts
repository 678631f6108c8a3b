/**
 * Which rights each role of the swarm uses, and no more. Kafka includes DESCRIBE in READ, WRITE, DELETE and ALTER of
 * the same resource, so that it is listed only where it stands alone. test/kafka/acl.test.ts runs every role with
 * exactly these rights and reads from the broker's log of decisions that each of them is used.
 */
import type { PlannedTopic } from '../../avro/topic-plan.js';
import type { TopicNames, WatchReader } from '../../domain/topic-names.js';
import type { AccessResource, AccessRule } from '../../ports/broker-access.js';

/** The kinds of processes that have separate rights. worker serves all agents unless it is given one. */
export const ACCESS_ROLES = ['orchestrator', 'worker', 'client', 'operator', 'observer', 'setup', 'swarm'] as const;
export type AccessRole = (typeof ACCESS_ROLES)[number];

/** A role with the agents that it serves; only a worker may have fewer than all. */
export interface AccessHolder {
  readonly role: AccessRole;
  /** null: all. */
  readonly agent: string | null;
  /** Whether its processes create topics that are missing. setup does in any case; the others need not. */
  readonly createsTopics: boolean;
}

export interface SwarmOfRights {
  readonly names: TopicNames;
  /** Every agent. */
  readonly agents: readonly string[];
  /** What topics.yaml has of the topics: from which of them the orchestrator deletes. */
  readonly plan: readonly PlannedTopic[];
}

/** One right of a role, and what it is used for. */
export interface UsedRight {
  readonly operation: string;
  readonly resource: AccessResource;
  readonly use: string;
}

/** Those whose processes look at their start which topics are missing. */
const STARTING: readonly AccessRole[] = ['orchestrator', 'worker', 'swarm'];

interface World {
  readonly names: TopicNames;
  /** Those that the holder serves. */
  readonly agents: readonly string[];
  isDeletedBySwarm(topic: string): boolean;
}

/** The rights of a holder, each once. */
export function rightsOf(
  { role, agent, createsTopics }: AccessHolder,
  { names, agents, plan }: SwarmOfRights,
): readonly UsedRight[] {
  const bySwarm = new Set(plan.flatMap(({ name, swarmRetentionMs }) => (swarmRetentionMs === null ? [] : [name])));
  const world: World = {
    names,
    agents: agent === null ? agents : [agent],
    isDeletedBySwarm: (topic) => bySwarm.has(topic),
  };
  const reader: WatchReader = agent === null ? 'workers' : `worker-${agent}`;
  const creating = createsTopics && STARTING.includes(role) ? creatingRights(world) : [];
  return withoutRepeats([...rightsByRole(role, world, reader), ...creating]);
}

/** The rules that give a principal these rights. */
export function rulesFor(principal: string, host: string, rights: readonly UsedRight[]): readonly AccessRule[] {
  return rights.map(({ operation, resource }) => ({ principal, host, permission: 'ALLOW', operation, resource }));
}

function rightsByRole(role: AccessRole, world: World, worker: WatchReader): readonly UsedRight[] {
  switch (role) {
    case 'orchestrator':
      return orchestratorRights(world);
    case 'worker':
      return workerRights(world, worker);
    case 'client':
      return clientRights(world);
    case 'operator':
      return [...clientRights(world), ...operatorRights(world)];
    case 'observer':
      return observerRights(world);
    case 'setup':
      return setupRights(world);
    case 'swarm':
      return [...orchestratorRights(world), ...workerRights(world, worker), ...clientRights(world)];
  }
}

function orchestratorRights({ names, agents, isDeletedBySwarm }: World): readonly UsedRight[] {
  const { coordination, status, deadLetters, orchestratorGroup, tasks, workerGroup } = names;
  const retained = [coordination, ...agents.map(tasks)].filter(isDeletedBySwarm);
  const groupsOfRetained = agents.filter((agent) => isDeletedBySwarm(tasks(agent))).map(workerGroup);
  return [
    ...onTopic(coordination, { READ: 'reads the missions', ...writes('writes decisions') }),
    ...agents.flatMap((agent) => onTopic(tasks(agent), writes('assigns and cancels tasks'))),
    ...retained.flatMap((topic) => onTopic(topic, { DELETE: 'deletes records that are old and handled' })),
    ...onTopic(status, { READ: 'sees which workers live', ...writes('writes heartbeats') }),
    ...onTopic(deadLetters, writes('keeps records that cannot be read')),
    ...onGroup(orchestratorGroup, { READ: 'shares the missions with other orchestrators' }),
    ...groupsOfRetained.flatMap((group) => onGroup(group, { DESCRIBE: 'sees which records are handled' })),
    ...watching(names, 'orchestrator'),
  ];
}

function workerRights({ names, agents }: World, reader: WatchReader): readonly UsedRight[] {
  const { coordination, status, deadLetters, tasks, workerGroup } = names;
  return [
    ...agents.flatMap((agent) => [
      ...onTopic(tasks(agent), { READ: 'reads its tasks', ...writes('journals what it does') }),
      ...onGroup(workerGroup(agent), { READ: 'shares the tasks with other workers' }),
    ]),
    ...onTopic(coordination, writes('reports progress and results')),
    ...onTopic(status, { READ: 'reads requests for its status', ...writes('writes heartbeats') }),
    ...onTopic(deadLetters, writes('keeps records that cannot be read')),
    ...watching(names, reader),
  ];
}

function clientRights({ names, agents }: World): readonly UsedRight[] {
  const { coordination, status, tasks, orchestratorGroup } = names;
  return [
    ...onTopic(coordination, { READ: 'follows missions', ...writes('submits missions, approves, answers, cancels') }),
    ...onGroup(orchestratorGroup, { DESCRIBE: 'finds open missions without reading all' }),
    ...onTopic(status, { READ: 'reads the answers of processes', ...writes('asks processes for their status') }),
    ...agents.flatMap((agent) => onTopic(tasks(agent), { READ: 'shows attempts with their steps' })),
    ...watching(names, 'client'),
  ];
}

/** Beyond those of a client. */
function operatorRights({ names, agents }: World): readonly UsedRight[] {
  const { deadLetters, orchestratorGroup, tasks, workerGroup } = names;
  return [
    ...onTopic(deadLetters, { READ: 'lists dead letters', ...writes('notes what was done about them') }),
    ...agents.flatMap((agent) => [
      ...onTopic(tasks(agent), writes('redrives dead letters')),
      ...onGroup(workerGroup(agent), { READ: 'recovers a partition' }),
    ]),
    ...onGroup(orchestratorGroup, { READ: 'recovers a partition' }),
  ];
}

function observerRights({ names, agents }: World): readonly UsedRight[] {
  const { coordination, deadLetters, tasks, orchestratorGroup } = names;
  return [
    ...onTopic(coordination, { READ: 'follows missions' }),
    ...onGroup(orchestratorGroup, { DESCRIBE: 'finds open missions without reading all' }),
    ...agents.flatMap((agent) => onTopic(tasks(agent), { READ: 'shows attempts with their steps' })),
    ...onTopic(deadLetters, { READ: 'lists dead letters' }),
    ...watching(names, 'client'),
  ];
}

function setupRights(world: World): readonly UsedRight[] {
  const looks = { DESCRIBE: 'sees whether it is there', DESCRIBE_CONFIGS: 'compares its settings with topics.yaml' };
  return [...creatingRights(world), ...topicsOf(world).flatMap((topic) => onTopic(topic, looks))];
}

const creatingRights = (world: World): readonly UsedRight[] =>
  topicsOf(world).flatMap((topic) => onTopic(topic, { CREATE: 'creates it if it is missing' }));

const topicsOf = ({ names, agents }: World): readonly string[] => [
  names.coordination,
  ...agents.map(names.tasks),
  names.status,
  names.deadLetters,
];

type Uses = Readonly<Record<string, string>>;

/** Who writes asks first how large a record the topic takes. */
const writes = (use: string): Uses => ({ WRITE: use, DESCRIBE_CONFIGS: 'asks how large a record it takes' });

const onTopic = (name: string, uses: Uses) => rightsOn({ type: 'topic', name, pattern: 'literal' }, uses);
const onGroup = (name: string, uses: Uses) => rightsOn({ type: 'group', name, pattern: 'literal' }, uses);

/** kafkajs reads a topic in a group only. Each watch has its own group, which it deletes. */
function watching(names: TopicNames, reader: WatchReader): readonly UsedRight[] {
  return rightsOn(
    { type: 'group', name: names.watchGroups(reader), pattern: 'prefixed' },
    { READ: 'watches topics, each time in a new group', DELETE: 'deletes that group' },
  );
}

function rightsOn(resource: AccessResource, uses: Uses): readonly UsedRight[] {
  return Object.entries(uses).map(([operation, use]) => ({ operation, resource, use }));
}

function withoutRepeats(rights: readonly UsedRight[]): readonly UsedRight[] {
  const keyOf = ({ operation, resource: { type, name } }: UsedRight) => `${operation} ${type} ${name}`;
  const first = new Map<string, UsedRight>();
  for (const right of rights) if (!first.has(keyOf(right))) first.set(keyOf(right), right);
  // What another right on the same resource includes is left out.
  const includes = (right: UsedRight) =>
    right.operation === 'DESCRIBE' &&
    ['READ', 'WRITE', 'DELETE'].some((operation) => first.has(keyOf({ ...right, operation })));
  return [...first.values()].filter((right) => !includes(right));
}
