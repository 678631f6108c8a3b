import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentEvent, EventOf } from '../../src/domain/events.js';
import { describeWithBroker } from '../support/broker.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

/** Each step writes a line into a ledger in the workspace, outside the swarm's own log. */
const agent = (name: string, seconds: number) => `---
name: ${name}
description: Writes a ledger, slowly.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 120
max_steps: 20
playbooks:
  ledger:
    steps:
      - { name: one, command: echo ${name} one >> ledger.txt, unless: grep -q "${name} one" ledger.txt }
      - name: two
        command: echo ${name} two >> ledger.txt && sleep ${seconds} && touch ${name}.two
        unless: test -f ${name}.two
      - { name: three, command: echo ${name} three >> ledger.txt, unless: grep -q "${name} three" ledger.txt }
    changes: [ledger.txt]
    acceptance:
      - { name: all steps, command: test -f ${name}.two && grep -q "${name} three" ledger.txt }
---
You write a ledger.
`;

const mission = `
name: ledger
brief: Write the ledger.
agents: [first_agent, second_agent]
plan:
  waves:
    - tasks:
        - { agent: first_agent, description: Write., playbook: ledger }
    - tasks:
        - { agent: second_agent, description: Write., playbook: ledger }
success:
  - { name: ledger is whole, command: test "$(grep -c three ledger.txt)" = 2 }
`;

const AGENTS = ['first_agent', 'second_agent'];
const is =
  <T extends AgentEvent['event_type']>(type: T) =>
  (event: AgentEvent): event is EventOf<T> =>
    event.event_type === type;

describeWithBroker('SIGKILL in the middle of a mission', () => {
  let swarm: SwarmProcesses;

  beforeEach(async () => {
    swarm = await createSwarmProcesses({
      agents: { first_agent: agent('first_agent', 2), second_agent: agent('second_agent', 0) },
      mission,
    });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(AGENTS);
  }, 60_000);
  afterEach(() => swarm.close());

  const ready = (count: number) =>
    swarm.until(() => (swarm.events.filter(is('service_ready')).length >= count ? true : undefined));
  const ledger = async (missionId: string) =>
    (await readFile(join(swarm.dir, 'workspaces', missionId, 'ledger.txt'), 'utf8')).trim().split('\n');
  const slowStep = () =>
    swarm.until(() =>
      swarm.events
        .filter(is('tool_called'))
        .find(
          (event) => event.payload.arguments.includes('first_agent two') && event.payload.arguments.includes('sleep'),
        ),
    );

  test('of a worker: another takes over, repeats no finished step, and the mission completes', async () => {
    swarm.start('--role', 'orchestrator');
    const workers = [swarm.start('--role', 'worker'), swarm.start('--role', 'worker')];
    await ready(2);
    const waited = swarm.run('submit', 'mission.yaml', '--wait', '--json');
    const call = await slowStep();
    const holder = workers.find((worker) => call.payload.owner.includes(`-${worker.pid}-`));
    expect(holder).toBeDefined();
    await holder?.kill();

    const { code, stdout } = await waited;
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.status).toBe('completed');
    expect(report.tasks.map((task: { status: string; attempts: number }) => [task.status, task.attempts])).toEqual([
      ['verified', 1],
      ['verified', 1],
      ['verified', 1],
    ]);
    const lines = await ledger(report.mission_id);
    for (const line of [
      'first_agent one',
      'first_agent three',
      'second_agent one',
      'second_agent two',
      'second_agent three',
    ]) {
      expect(lines.filter((each) => each === line)).toEqual([line]);
    }
    const claims = new Set(
      swarm.events
        .filter(is('tool_called'))
        .filter((event) => event.payload.task_id === call.payload.task_id)
        .map((event) => event.payload.owner),
    );
    expect(claims.size).toBe(2);
  }, 90_000);

  test('of an orchestrator: another takes over and the mission completes without a new attempt', async () => {
    const orchestrators = [swarm.start('--role', 'orchestrator'), swarm.start('--role', 'orchestrator')];
    swarm.start('--role', 'worker');
    await ready(1);
    const waited = swarm.run('submit', 'mission.yaml', '--wait', '--json');
    await slowStep();
    const started = await swarm.until(() => swarm.events.find(is('wave_started')));
    const holder = orchestrators.find((orchestrator) => started.payload.owner.includes(`-${orchestrator.pid}-`));
    expect(holder).toBeDefined();
    await holder?.kill();

    const { code, stdout } = await waited;
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.status).toBe('completed');
    expect(report.tasks.map((task: { attempts: number }) => task.attempts)).toEqual([1, 1, 1]);
    expect(await ledger(report.mission_id)).toEqual([
      'first_agent one',
      'first_agent two',
      'first_agent three',
      'second_agent one',
      'second_agent two',
      'second_agent three',
    ]);
  }, 90_000);

  test('SIGTERM drains: the running step ends, its outcome is kept, another worker continues behind it', async () => {
    swarm.start('--role', 'orchestrator');
    const worker = swarm.start('--role', 'worker');
    await ready(1);
    const waited = swarm.run('submit', 'mission.yaml', '--wait', '--json');
    await slowStep();
    expect(await worker.terminate()).toBe(0);
    swarm.start('--role', 'worker');
    const { code, stdout } = await waited;
    expect(code).toBe(0);
    expect(await ledger(JSON.parse(stdout).mission_id)).toEqual([
      'first_agent one',
      'first_agent two',
      'first_agent three',
      'second_agent one',
      'second_agent two',
      'second_agent three',
    ]);
  }, 90_000);
});
