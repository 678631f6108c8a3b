import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeWithBroker } from '../support/broker.js';
import { LEDGER_AGENTS, LEDGER_MISSION, ledgerAgent } from '../support/ledger-mission.js';
import { is } from '../support/is-event.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

describeWithBroker('SIGKILL in the middle of a mission', () => {
  let swarm: SwarmProcesses;

  beforeEach(async () => {
    swarm = await createSwarmProcesses({
      agents: { first_agent: ledgerAgent('first_agent', 2), second_agent: ledgerAgent('second_agent', 0) },
      mission: LEDGER_MISSION,
    });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(LEDGER_AGENTS);
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
