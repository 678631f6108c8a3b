/** How changed agents come into force in a process. */
import { createRoster } from '../../src/agent/roster.js';
import { createDeferred } from '../../src/domain/deferred.js';
import type { Logger } from '../../src/ports/logger.js';
import { createAgentsInForce, type AgentsInForceOptions } from '../../src/swarm/agents-in-force.js';
import { agentSpec } from '../support/role-swarm.js';

const [A, B] = [agentSpec('a_agent'), agentSpec('b_agent')];
const roster = (...agents: Parameters<typeof createRoster>[0]) => createRoster(agents);

/** With what is logged, by its event. */
function inForce(options: Partial<AgentsInForceOptions> = {}) {
  const logged: string[] = [];
  const note: Logger['warn'] = (_, message) => void logged.push(String(message));
  const logger: Logger = { debug: () => undefined, info: note, warn: note, error: note, child: () => logger };
  const agents = createAgentsInForce(
    { logger },
    {
      first: roster(A),
      serves: null,
      retention: [],
      refresh: null,
      refuse: () => null,
      usesTopic: () => true,
      prepareTopic: async () => [],
      provide: async () => [],
      ...options,
    },
  );
  return { agents, logged };
}
const namesOf = ({ all }: ReturnType<typeof inForce>['agents']) => all.list().map(({ name }) => name);

test('a new agent whose topic cannot be created waits, is logged once, and is in force when it can', async () => {
  let isAllowed = false;
  const { agents, logged } = inForce({
    async prepareTopic(_, agent) {
      if (!isAllowed) throw new Error('Grant this user CREATE on the topic test.tasks.b_agent');
      return [{ topic: `test.tasks.${agent}`, groupId: `worker-${agent}`, retentionMs: 1 }];
    },
  });
  for (let n = 0; n < 3; n += 1) await agents.update(roster(A, B), []);
  expect(namesOf(agents)).toEqual(['a_agent']);
  expect(agents.isWaiting()).toBe(true);
  expect(agents.warnings()).toEqual([
    'the agent b_agent is not in force: Grant this user CREATE on the topic test.tasks.b_agent',
  ]);
  expect(logged).toEqual(['agent.without_topic']);
  isAllowed = true;
  await agents.update(roster(A, B), []);
  expect(namesOf(agents)).toEqual(['a_agent', 'b_agent']);
  expect(agents.retention().map(({ topic }) => topic)).toEqual(['test.tasks.b_agent']);
  expect([agents.isWaiting(), agents.warnings()]).toEqual([false, []]);
  expect(logged).toEqual(['agent.without_topic', 'agents.changed']);
});

test('what is wrong with files is logged once, for as long as it stays, and shown until it is corrected', async () => {
  const { agents, logged } = inForce();
  for (let n = 0; n < 3; n += 1) await agents.update(roster(A), ['a_agent.md:2:1: wrong']);
  expect(agents.warnings()).toEqual(['a_agent.md:2:1: wrong (what was in force stays)']);
  expect(logged).toEqual(['agents.invalid']);
  await agents.update(roster(A), []);
  expect(agents.warnings()).toEqual([]);
  expect(logged).toEqual(['agents.invalid', 'agents.valid_again']);
});

test('a worker of some agents takes up no others, and looks up nothing for them', async () => {
  const provided: string[] = [];
  const { agents } = inForce({
    serves: ['a_agent'],
    provide: async (news) => {
      provided.push(...news.map(({ name }) => name));
      return [];
    },
  });
  await agents.update(roster({ ...A, digest: 'revision 2' }, B), []);
  expect(namesOf(agents)).toEqual(['a_agent', 'b_agent']);
  expect(agents.served.list().map(({ digest }) => digest)).toEqual(['revision 2']);
  expect(provided).toEqual(['a_agent']);
});

test('of two updates the one that was given last stays, however long the first one took', async () => {
  const created = createDeferred<void>();
  const { agents } = inForce({
    async prepareTopic() {
      await created.promise;
      return [];
    },
  });
  const slow = agents.update(roster(A, B), []);
  const last = agents.update(roster(A), []);
  created.resolve();
  await Promise.all([slow, last]);
  expect(namesOf(agents)).toEqual(['a_agent']);
});
