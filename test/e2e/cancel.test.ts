import { until } from '../contract/until.js';
import { describeWithBroker } from '../support/broker.js';
import { alive, newMark, sleepers } from '../support/marked-processes.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';
import { is } from '../support/is-event.js';

/** Its command leaves processes behind wherever it can, and would run for a day. */
const agent = (mark: string, timeoutSeconds: number) => `---
name: first_agent
description: Does not end.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 1
timeout_seconds: ${timeoutSeconds}
max_steps: 5
playbooks:
  endless:
    steps:
      - name: run
        command: |
          ${sleepers(mark)}; touch started; sleep ${mark}
---
You do not end.
`;

const MISSION = `
name: endless
brief: Run.
retries: 0
agents: [first_agent]
plan:
  waves:
    - tasks:
        - { agent: first_agent, description: Run., playbook: endless, acceptance: [{ name: none, command: 'true' }] }
`;

describeWithBroker('a running command that leaves processes wherever it can', () => {
  let swarm: SwarmProcesses;
  const mark = newMark();
  afterEach(() => swarm.close());

  const sleeping = () => {
    const end = swarm.events.find(is('task_failed'));
    if (end !== undefined) throw new Error(`the command has ended: ${JSON.stringify(end.payload)}`);
    return alive(mark).length >= 5;
  };

  async function startMission(timeoutSeconds: number): Promise<string> {
    swarm = await createSwarmProcesses({ agents: { first_agent: agent(mark, timeoutSeconds) }, mission: MISSION });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(['first_agent']);
    swarm.start('--role', 'orchestrator');
    swarm.start('--role', 'worker');
    await swarm.until(() => swarm.events.find(is('service_ready')));
    const { stdout } = await swarm.run('submit', 'mission.yaml');
    await until('five sleepers, each in another corner', sleeping, 60_000);
    return stdout.trim();
  }

  test('is gone after the mission was cancelled, all of it', async () => {
    const rounds = Number(process.env['RAVENHELM_TEST_CANCEL_ROUNDS'] ?? '1');
    const measured: { fromEvent: number; fromCall: number }[] = [];
    for (let round = 0; round < rounds; round++) {
      const missionId = await startMission(120);
      const calledMs = Date.now();
      const cancelled = swarm.run('cancel', missionId);
      await until('no sleeper', () => alive(mark).length === 0, 60_000);
      const goneMs = Date.now();
      const event = await swarm.until(() => swarm.events.find(is('task_cancelled')));
      measured.push({ fromEvent: goneMs - event.timestamp, fromCall: goneMs - calledMs });
      expect(await cancelled).toMatchObject({ code: 0 });
      const end = await swarm.until(() => swarm.events.find(is('mission_cancelled')));
      expect(end.payload.mission_id).toBe(missionId);
      expect(alive(mark)).toEqual([]);
      if (round < rounds - 1) await swarm.close();
    }
    if (rounds > 1) process.stdout.write(`${JSON.stringify(measured)}\n`);
  }, 600_000);

  test("is gone after its task's deadline", async () => {
    const missionId = await startMission(4);
    const failed = await swarm.until(() => swarm.events.find(is('task_failed')));
    expect(failed.payload).toMatchObject({ mission_id: missionId, retriable: expect.any(Boolean) });
    expect(alive(mark)).toEqual([]);
  }, 90_000);
});
