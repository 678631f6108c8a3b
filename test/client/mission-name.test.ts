/** How people name a mission, in every call that takes one. */
import { createClient } from '../../src/client/create-client.js';
import type { Client } from '../../src/client/client.js';
import { missionsMeant } from '../../src/client/mission-name.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

describe('the missions that are meant', () => {
  const A = { id: '20261130-155532-655-p00-m4hz', name: 'hello' };
  const B = { id: '20261130-155533-100-p01-aaaa', name: 'other' };
  const C = { id: '20261201-080000-000-p00-bbbb', name: 'hello' };
  const all = [A, B, C];

  test.each([
    ['an exact id', A.id, [A]],
    ['a beginning that one id has', '20261130-155532', [A]],
    ['a beginning that several have, in their order', '20261130', [A, B]],
    ['a name: its newest', 'hello', [C]],
    ['last', 'last', [C]],
    ['a name that is the beginning of another', 'hell', []],
    ['nothing', '', []],
    ['a middle part of an id', 'm4hz', []],
  ])('%s', (_, wanted, meant) => {
    expect(missionsMeant(wanted, all)).toEqual(meant);
  });

  test('an exact id wins over a mission that has it for its name, and last over one of that name', () => {
    expect(missionsMeant(A.id, [A, { ...B, name: A.id }])).toEqual([A]);
    expect(missionsMeant('last', [{ ...A, name: 'last' }, C])).toEqual([C]);
  });

  test('a name that is also the beginning of another id is both', () => {
    const named = { ...C, name: '20261130-155533' };
    expect(missionsMeant('20261130-155533', [B, named])).toEqual([B, named]);
  });

  test('last of none is none', () => expect(missionsMeant('last', [])).toEqual([]));
});

describe('the client', () => {
  const AGENT = 'cert_agent';
  const roster = [agentSpec(AGENT)];
  let swarm: RoleSwarm;
  let client: Client;

  const start = async (): Promise<void> => {
    swarm = await createRoleSwarm({ roster });
    client = createClient({ log: swarm.log, agents: roster, workspaceRoot: '.', prefix: 'test', requester: 'ann' });
  };
  afterEach(async () => {
    await client.close();
    await swarm.close();
  });

  /** A request whose id says so many minutes ago; at most ten. */
  async function submitted(name: string, minutesAgo: number): Promise<string> {
    const id = createMissionId({ nowMs: Date.now() - minutesAgo * 60_000, partition: 0, random: Math.random });
    const payload = swarm.requestOf(id, { name });
    await swarm.append(swarm.createEvent({ type: 'mission_requested', from: 'test', missionId: id, payload }), id);
    return id;
  }

  test('reports and cancels by a beginning, by name and the last', async () => {
    await start();
    const first = await submitted('hello', 9);
    const second = await submitted('hello', 6);
    const third = await submitted('other', 3);
    expect((await client.report(first.slice(0, 15))).mission_id).toBe(first);
    expect((await client.report('hello')).mission_id).toBe(second);
    expect((await client.report('last')).mission_id).toBe(third);
    await client.cancel('hello', 'enough');
    await swarm.until(() =>
      swarm.events.some(
        ({ event_type: type, payload }) => type === 'mission_cancel_requested' && payload.mission_id === second,
      ),
    );
  });

  test('a beginning of several ids is refused with those, and nothing is cancelled', async () => {
    await start();
    const ids = [await submitted('hello', 9), await submitted('other', 6)];
    await expect(client.cancel('2', 'enough')).rejects.toMatchObject({
      code: 'mission_ambiguous',
      message: '2 missions are meant by 2',
      nextStep: `Give more of the id:\n  ${ids[0]} (hello)\n  ${ids[1]} (other)`,
    });
    expect(swarm.eventsOf('mission_cancel_requested')).toEqual([]);
  });

  test('what has no match says how to list missions', async () => {
    await start();
    await expect(client.report('last')).rejects.toMatchObject({
      code: 'mission_unknown',
      nextStep: 'No mission was ever submitted here; ravenhelm status lists missions.',
    });
  });

  test('what has no match, but a neighbour, names that', async () => {
    await start();
    await submitted('hello', 1);
    await expect(client.report('helo')).rejects.toMatchObject({
      code: 'mission_unknown',
      nextStep: 'Did you mean hello? ravenhelm status lists them all.',
    });
  });
});
