import { isWatchGroup, otherSwarms, roleGroups, topicsOfSwarm } from '../../src/domain/swarm-remains.js';
import { createTopicNames } from '../../src/domain/topic-names.js';

const of = (prefix: string, ...own: readonly string[]) => own.map((name) => `${prefix}.${name}`);
const FIXED = ['coordination', 'status', 'dead-letters'];

test('topics of a swarm are exactly those with its names', () => {
  const strangers = ['a.squadx.coordination', 'a.squad.other', 'a.squad.tasks.x.y', 'a.squad.tasks.X', 'a.squad', 'b'];
  const own = of('a.squad', ...FIXED, 'tasks.cert_agent', 'tasks.old_agent');
  const { topics, agents, left } = topicsOfSwarm(createTopicNames('a.squad'), [...strangers, ...own].sort());
  expect([...topics].sort()).toEqual([...own].sort());
  expect(agents).toEqual(['cert_agent', 'old_agent']);
  expect(left).toEqual([]);
});

test('topics of a swarm whose prefix lies below its tasks topics stay; those of agents with such names do not', () => {
  const names = createTopicNames('a');
  const own = of('a', ...FIXED, 'tasks.status');
  expect(topicsOfSwarm(names, own)).toMatchObject({ agents: ['status'], left: [] });
  const below = of('a.tasks', ...FIXED, 'tasks.x');
  expect(topicsOfSwarm(names, [...of('a', ...FIXED), ...below])).toEqual({
    topics: of('a', ...FIXED),
    agents: [],
    left: ['a.tasks.coordination', 'a.tasks.status'],
  });
  const belowNames = createTopicNames('a.tasks');
  expect([...topicsOfSwarm(belowNames, [...own, ...below]).topics].sort()).toEqual([...below].sort());
  // Without its dead letters it is no swarm: the topics are those of agents of a.
  expect(topicsOfSwarm(belowNames, own)).toEqual({ topics: [], agents: [], left: ['a.tasks.status'] });
});

test('groups are those of the roles, and of readers with their random names', () => {
  const names = createTopicNames('a');
  expect(roleGroups(names, ['x'])).toEqual(['a.orchestrator', 'a.worker-x']);
  expect(roleGroups(createTopicNames(), ['x'])).toEqual(['orchestrator', 'worker-x']);
  const id = '0b8e1c9e-5a51-4c2f-9d0c-3d8b1a2e4f60';
  const groups = ['client', 'workers', 'worker-x', 'orchestrator'].map((reader) => `a.watch.${reader}.${id}`);
  expect(groups.filter((group) => isWatchGroup(names, group))).toEqual(groups);
  const others = [
    ['a.watch.client.orchestrator', 'a.watch.orchestrator', `a.watch.other.${id}`],
    [`ab.watch.client.${id}`, `a.watch.client.${id}.more`, 'a.worker-x'],
  ].flat();
  expect(others.filter((group) => isWatchGroup(names, group))).toEqual([]);
});

test('other swarms are those that have dead letters under another prefix', () => {
  const existing = [...of('a', ...FIXED), ...of('a.tasks', ...FIXED), ...of('b', ...FIXED), 'c.coordination', 'd'];
  expect(otherSwarms(createTopicNames('a'), existing)).toEqual(['a.tasks', 'b']);
  expect(otherSwarms(createTopicNames('b'), of('b', ...FIXED))).toEqual([]);
});
