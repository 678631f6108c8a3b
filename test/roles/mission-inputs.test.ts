/** A mission's inputs on their way from the request to the calls of its tasks, and where a worker refuses them. */
import { createClient } from '../../src/client/create-client.js';
import type { Client } from '../../src/client/client.js';
import type { MissionInput } from '../../src/domain/mission-inputs.js';
import { createMemoryLog } from '../../src/memory/memory-log.js';
import type { Log } from '../../src/ports/log.js';
import type { ToolCall } from '../../src/ports/tools.js';
import { createSystemClock } from '../../src/telemetry/system-clock.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';
import type { Behaviour } from '../support/scripted-tools.js';

const AGENT = 'cert_agent';
const spec = agentSpec(AGENT, { secrets: ['DEPLOY_TOKEN'] });
const input = (name: string, value: string, type = 'string'): MissionInput => ({ name, type, value, description: '' });
const INPUTS = [input('domain', 'a.example'), input('token', 'DEPLOY_TOKEN', 'secret')];

let swarm: RoleSwarm;
let client: Client;
let calls: ToolCall[];
let behaviour: Behaviour;

async function start(own = spec): Promise<void> {
  calls = [];
  behaviour = () => 'ok';
  swarm = await createRoleSwarm({
    roster: [own],
    behaviour(command, call) {
      if (call !== undefined) calls.push(call);
      return behaviour(command, call);
    },
  });
  client = createClient({ log: swarm.log, agents: [own], workspaceRoot: '/workspaces', prefix: 'test' });
  await swarm.startOrchestrator();
  await swarm.startWorker();
}
afterEach(async () => {
  await client.close();
  await swarm.close();
});

const requiresOf = () =>
  swarm.eventsOf('task_assigned').map(({ payload }) => 'requires' in payload && payload.requires);
const failure = () => swarm.events.flatMap((event) => (event.event_type === 'task_failed' ? [event.payload] : []))[0];

test('every call and check of a task has them as variables; the success checks have no secret', async () => {
  await start();
  const report = await swarm.ended(
    await swarm.submit({ inputs: INPUTS, requires: ['inputs'], success: [{ name: 'whole', command: 'whole' }] }),
  );
  expect(report.status).toBe('completed');
  const own = { INPUT_DOMAIN: 'a.example', INPUT_TOKEN_FILE: '/run/secrets/DEPLOY_TOKEN' };
  expect(calls.length).toBeGreaterThan(0);
  for (const { task } of calls) expect(task.inputs).toEqual(own);
  expect(swarm.ledger.checkInputs).toEqual(
    new Map<string, Readonly<Record<string, string>>>([
      [`${AGENT} check`, own],
      ['whole', { INPUT_DOMAIN: 'a.example' }],
    ]),
  );
  expect(new Set(requiresOf().map(String))).toEqual(new Set(['inputs']));
});

test.each<[string, readonly MissionInput[], string]>([
  ['no variable', [input('LD PRELOAD', 'x')], 'the input "LD PRELOAD" cannot be a variable'],
  ['a NUL', [input('a', 'x\0y')], 'the input a has a NUL, which no variable can have'],
  ['what was redacted', [input('a', '[redacted: configured secret]')], 'the input a had a secret, which was redacted'],
])(
  'inputs of another program with %s fail the task with the code inputs, before anything runs',
  async (_, inputs, error) => {
    await start();
    const report = await swarm.ended(await swarm.submit({ inputs: [...inputs], requires: ['inputs'], retries: 2 }));
    expect(report.status).toBe('failed');
    expect(failure()).toMatchObject({
      code: 'inputs',
      retriable: false,
      steps: 0,
      error: expect.stringContaining(error),
    });
    expect(swarm.ledger.starts).toEqual([]);
  },
);

test('a task whose check reads a secret that its agent may not have fails with the code inputs', async () => {
  const reading = {
    work: {
      name: 'work',
      steps: [{ name: 'work', command: 'work', unless: 'test -s "$INPUT_TOKEN_FILE"' }],
      acceptance: [],
    },
  };
  await start(agentSpec(AGENT, { secrets: ['OTHER'], playbooks: reading }));
  const report = await swarm.ended(await swarm.submit({ inputs: INPUTS, requires: ['inputs'], retries: 0 }));
  expect(report.status).toBe('failed');
  expect(failure()).toMatchObject({
    code: 'inputs',
    retriable: false,
    error:
      'a command reads $INPUT_TOKEN_FILE, the file of the secret DEPLOY_TOKEN, and cert_agent may not have it; ' +
      'name it in the secrets of agents/cert_agent.md, or give the task to another agent',
  });
});

test('a success check that reads a secret fails so, too', async () => {
  await start();
  const success = [{ name: 'whole', command: 'test -s "$INPUT_TOKEN_FILE"' }];
  await swarm.ended(await swarm.submit({ inputs: INPUTS, requires: ['inputs'], success, retries: 0 }));
  expect(failure()).toMatchObject({ code: 'inputs', error: expect.stringContaining('success checks have no secrets') });
});

describe('a worker whose file does not let the agent have the secret', () => {
  const reading = {
    work: {
      name: 'work',
      steps: [{ name: 'work', command: 'work', unless: null }],
      acceptance: [{ name: 'done', command: 'test -s "$INPUT_TOKEN_FILE"' }],
    },
  };
  const own = agentSpec(AGENT, { secrets: ['DEPLOY_TOKEN'], playbooks: reading });
  const other = agentSpec(AGENT, { secrets: [], digest: 'revision 0', playbooks: reading });

  test('fails an attempt of another revision as retriable, and not for its inputs', async () => {
    calls = [];
    swarm = await createRoleSwarm({ roster: [own] });
    client = createClient({ log: swarm.log, agents: [own], workspaceRoot: '/workspaces', prefix: 'test' });
    await swarm.startOrchestrator();
    await swarm.startWorker(undefined, undefined, { roster: [other] });
    await swarm.ended(await swarm.submit({ inputs: INPUTS, requires: ['inputs'], retries: 0 }));
    expect(failure()).toMatchObject({ code: 'agent_revision', retriable: true });
  });

  test('completes a task that an earlier worker has proven', async () => {
    const memory = createMemoryLog({ clock: createSystemClock() });
    let isFirst = true;
    const log: Log = {
      ...memory,
      createAppender(name) {
        const appender = memory.createAppender(name);
        return {
          ...appender,
          append: (request) =>
            isFirst && request.event.event_type === 'task_completed'
              ? new Promise<never>(() => undefined)
              : appender.append(request),
        };
      },
    };
    swarm = await createRoleSwarm({ roster: [own], log });
    client = createClient({ log, agents: [own], workspaceRoot: '/workspaces', prefix: 'test' });
    await swarm.startOrchestrator();
    const first = await swarm.startWorker();
    const id = await swarm.submit({ inputs: INPUTS, requires: ['inputs'], retries: 0 });
    const isProven = () =>
      swarm.events.some(
        ({ event_type: type, payload }) =>
          type === 'tool_returned' && 'checks' in payload && (payload.checks ?? []).length > 0,
      );
    await swarm.until(isProven);
    await first.kill();
    isFirst = false;
    await swarm.startWorker(undefined, undefined, { roster: [other] });
    expect(await swarm.ended(id)).toMatchObject({ status: 'completed', tasks: [{ status: 'verified', attempts: 1 }] });
  });
});

describe('a client of the library', () => {
  const MISSION = {
    name: 'm',
    brief: 'Serve ${{ inputs.domain }} on ${{ inputs.port }}.',
    retries: 0,
    inputs: [{ name: 'domain' }, { name: 'port', type: 'number', default: 80 }] as const,
    plan: { waves: [{ tasks: [{ agent: AGENT, description: 'Do ${{ inputs.domain }}.', playbook: 'work' }] }] },
  };
  const requests = () =>
    swarm.eventsOf('mission_requested').flatMap(({ payload }) => ('brief' in payload ? [payload] : []));

  test('gives them with submit and run; events have what ran', async () => {
    await start();
    const report = await client.run(MISSION, { inputs: { domain: 'a.example' } });
    expect(report).toMatchObject({
      status: 'completed',
      inputs: [
        { name: 'domain', type: 'string', value: 'a.example' },
        { name: 'port', type: 'number', value: '80' },
      ],
    });
    expect(requests()).toMatchObject([
      {
        brief: 'Serve a.example on 80.',
        requires: ['inputs'],
        plan: { waves: [{ tasks: [{ description: 'Do a.example.' }] }] },
      },
    ]);
    await expect(client.submit(MISSION)).rejects.toThrow(
      'an input has no value: domain; give domain in the option inputs',
    );
    await expect(client.submit(MISSION, { inputs: { domain: 'a', prt: 1 } })).rejects.toThrow(
      'the option inputs.prt: the mission has no input "prt"; did you mean "port"?',
    );
  });

  test('retry keeps them; with a changed mission those that are not given keep their values', async () => {
    await start();
    behaviour = (command) => (command.includes('step 1') ? 'fail' : 'ok');
    const { mission_id: old } = await client.run(MISSION, { inputs: { domain: 'a.example', port: 81 } });
    behaviour = () => 'ok';
    await expect(client.retry(old, { inputs: { port: 82 } })).rejects.toMatchObject({ code: 'inputs_without_edit' });
    const second = await client.retry(old, { tasks: [AGENT] });
    expect((await client.follow(second.missionId)).inputs.map(({ value }) => value)).toEqual(['a.example', '81']);
    const edit = { ...MISSION, brief: 'Now ${{ inputs.domain }} on ${{ inputs.port }}, ${{ inputs.zone }}.' };
    const inputs = [...MISSION.inputs, { name: 'zone', default: 'z' }];
    const third = await client.retry(second.missionId, {
      tasks: [AGENT],
      edit: { ...edit, inputs },
      inputs: { port: 83 },
    });
    const report = await client.follow(third.missionId);
    expect(report.inputs.map(({ value }) => value)).toEqual(['a.example', '83', 'z']);
    expect(requests().map(({ brief }) => brief)).toEqual([
      'Serve a.example on 81.',
      'Serve a.example on 81.',
      'Now a.example on 83, z.',
    ]);
    const odd = { ...edit, inputs: [{ name: 'domain', type: 'number' }, ...inputs.slice(1)] as const };
    await expect(client.retry(third.missionId, { tasks: [AGENT], edit: odd })).rejects.toThrow(
      `mission ${third.missionId}: the input "domain" is "a.example"; give a number, such as 8080 or 0.5`,
    );
  });
});
