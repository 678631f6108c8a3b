import {
  createClient,
  createSwarm,
  defineAgent,
  memoryLog,
  type AgentEvent,
  type Client,
  type Swarm,
} from '../../src/index.js';
import { createTopicNames } from '../../src/domain/topic-names.js';
import { until } from '../contract/until.js';
import { readTopic } from '../support/read-topic.js';

const writer = defineAgent({
  name: 'writer',
  description: 'Writes.',
  prompt: 'Write.',
  playbooks: { write: { steps: [{ name: 'write', command: 'true' }] } },
});
const plan = { waves: [{ tasks: [{ agent: 'writer', description: 'Write.', playbook: 'write' }] }] };
const mission = { name: 'open', brief: 'Write.', plan };
const closed = { name: 'ClientError', code: 'client_closed' };
const topic = createTopicNames().coordination;

/** An orchestrator without workers: its mission never ends. */
describe('a client that is closed', () => {
  let swarm: Swarm;
  let client: Client;
  beforeEach(async () => {
    swarm = await createSwarm({ log: memoryLog(), agents: [writer], roles: ['orchestrator'] });
    client = createClient(swarm);
  });
  afterEach(async () => {
    await client.close();
    await swarm.close();
  });

  test('rejects what still waits for a mission', async () => {
    const seen: AgentEvent[] = [];
    const running = client.run(mission, { onEvent: (event) => seen.push(event) }).catch((error: unknown) => error);
    const { missionId } = await client.submit(mission);
    const following = client.follow(missionId).catch((error: unknown) => error);
    await Promise.all([client.close(), client.close()]);
    expect(await running).toMatchObject(closed);
    expect(await following).toMatchObject(closed);
    const events = seen.length;
    await createClient(swarm).submit(mission);
    expect(seen).toHaveLength(events);
  });

  test('rejects every later call and writes nothing', async () => {
    const { missionId } = await client.submit(mission);
    await client.report(missionId);
    const other = createClient(swarm);
    const before = await other.reports();
    await client.close();
    const calls: Readonly<Record<string, Promise<unknown>>> = {
      submit: client.submit(mission),
      retry: client.retry(missionId),
      run: client.run(mission),
      follow: client.follow(missionId),
      report: client.report(missionId),
      reports: client.reports(),
      attempts: client.attempts(missionId, () => undefined),
      approve: client.approve(missionId),
      reject: client.reject(missionId, 'no'),
      answer: client.answer(missionId, 'yes'),
      cancel: client.cancel(missionId, 'no'),
      pause: client.pause(missionId, 'no'),
      resume: client.resume(missionId),
      setBudget: client.setBudget(missionId, { usd: 1 }),
      artifacts: client.artifacts(missionId),
      copyArtifacts: client.copyArtifacts(missionId, { to: '/nowhere' }),
      diff: client.diff(missionId),
      restore: client.restore(missionId, { wave: 0 }),
      processes: client.processes(),
      recover: client.recover({ topic, partition: 0, acceptLoss: false }),
      list: client.deadLetters.list(),
      get: client.deadLetters.get('0-1'),
      redrive: client.deadLetters.redrive(['0-1']),
      discard: client.deadLetters.discard(['0-1'], { reason: 'test' }),
    };
    const answers: Readonly<Record<string, Promise<unknown>>> = {
      list: client.approvals.list(),
      get: client.approvals.get('a'),
      approve: client.approvals.approve('a'),
      reject: client.approvals.reject('a', 'no'),
    };
    expect(Object.keys(answers)).toEqual(Object.keys(client.approvals));
    const methods = [...Object.keys(client), ...Object.keys(client.deadLetters)];
    expect(Object.keys(calls).sort()).toEqual(
      methods.filter((name) => !['close', 'approvals', 'deadLetters'].includes(name)).sort(),
    );
    for (const call of [...Object.values(calls), ...Object.values(answers)])
      await expect(call).rejects.toMatchObject(closed);
    expect((await other.reports()).map(({ mission_id }) => mission_id)).toEqual(
      before.map(({ mission_id }) => mission_id),
    );
    const requested = (await readTopic(swarm.log, topic)).filter(
      ({ content }) => content.kind === 'event' && content.event.event_type === 'mission_requested',
    );
    expect(requested).toHaveLength(1);
    await other.close();
  });

  test('while it starts to read stops reading', async () => {
    const { log } = swarm;
    let opened = 0;
    let open = 0;
    const counted = createClient({
      ...swarm,
      log: {
        ...log,
        async watch(options) {
          const watch = await log.watch(options);
          opened += 1;
          open += 1;
          return {
            stop() {
              open -= 1;
              return watch.stop();
            },
          };
        },
      },
    });
    const reading = counted.reports().catch((error: unknown) => error);
    await counted.close();
    expect(await reading).toMatchObject(closed);
    await until('its watch has ended', () => opened === 1 && open === 0);
  });
});
