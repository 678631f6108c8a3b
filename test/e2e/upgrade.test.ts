import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentEvent, EventOf } from '../../src/domain/events.js';
import { describeWithBroker } from '../support/broker.js';
import { createBuildBefore, hasBuildBefore, type BuildBefore } from '../support/build-before.js';
import { LEDGER_AGENTS, LEDGER_MISSION, ledgerAgent } from '../support/ledger-mission.js';
import { is } from '../support/is-event.js';
import { createSwarmProcesses, type SwarmProcess, type SwarmProcesses } from '../support/swarm-processes.js';

const LEDGER = LEDGER_AGENTS.flatMap((name) => ['one', 'two', 'three'].map((step) => `${name} ${step}`));

describeWithBroker('an upgrade from the build before, while a mission runs', () => {
  let before: BuildBefore;
  let swarm: SwarmProcesses;

  beforeAll(async () => {
    if (!(await hasBuildBefore()))
      throw new Error('this clone lacks the commit of the build before: git fetch --unshallow');
    before = await createBuildBefore();
  }, 120_000);
  afterAll(() => before?.remove());
  beforeEach(async () => {
    swarm = await createSwarmProcesses({
      agents: Object.fromEntries(LEDGER_AGENTS.map((name) => [name, ledgerAgent(name, 2)])),
      mission: LEDGER_MISSION,
    });
  });
  afterEach(() => swarm.close());

  const old = (...args: string[]) => swarm.startOf(before.directory, ...args);
  const first = <T extends AgentEvent['event_type']>(type: T, where: (event: EventOf<T>) => boolean = () => true) =>
    swarm.until(() => swarm.events.filter(is(type)).find(where));
  /** Workers say it once each. */
  const workersReady = (count: number) =>
    swarm.until(() => (swarm.events.filter(is('service_ready')).length >= count ? true : undefined));
  /** A process's owner ids have its process id. */
  const holdsPartitions = ({ pid }: SwarmProcess) =>
    first('partition_claimed', ({ payload }) => payload.owner.includes(`-${pid}-`));
  const slowStep = (name: string) => first('tool_called', ({ payload }) => payload.arguments.includes(`${name} two`));
  const ledger = async (missionId: string) =>
    (await readFile(join(swarm.dir, 'workspaces', missionId, 'ledger.txt'), 'utf8')).trim().split('\n');

  test('topics, then orchestrator, then workers: no step runs twice and the mission completes', async () => {
    expect(await swarm.runOf(before.directory, 'init')).toMatchObject({ code: 0 });
    await swarm.watch(LEDGER_AGENTS);
    const oldOrchestrator = old('--role', 'orchestrator');
    const oldWorkers = [old('--role', 'worker'), old('--role', 'worker')];
    await workersReady(2);
    expect(await swarm.runOf(before.directory, 'submit', 'mission.yaml')).toMatchObject({ code: 0 });
    await slowStep('first_agent');

    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await holdsPartitions(swarm.start('--role', 'orchestrator'));
    expect(await oldOrchestrator.terminate()).toBe(0);
    swarm.start('--role', 'worker');
    await workersReady(3);
    for (const worker of oldWorkers) expect(await worker.terminate()).toBe(0);

    const { payload } = await first('mission_completed');
    expect(await ledger(payload.mission_id)).toEqual(LEDGER);
  });

  test('a new event stops the partition at an older orchestrator, until a new build has it', async () => {
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    await swarm.watch(LEDGER_AGENTS);
    const oldOrchestrator = old('--role', 'orchestrator');
    expect(await swarm.run('submit', 'mission.yaml')).toMatchObject({ code: 0 });
    const { payload: request } = await first('task_assigned'); // no worker runs it yet

    expect(await swarm.run('pause', request.mission_id)).toMatchObject({ code: 0 });
    const unhealthy = await first('service_unhealthy');
    expect(unhealthy.payload.service_name).toContain(`-${oldOrchestrator.pid}-`);
    expect(unhealthy.payload.error_message).toMatch(/does not know the event ravenhelm\.MissionPauseRequested/);

    await holdsPartitions(swarm.start('--role', 'orchestrator'));
    expect(await oldOrchestrator.terminate()).toBe(0);
    swarm.start('--role', 'worker');
    await workersReady(1);
    expect(await swarm.run('resume', request.mission_id)).toMatchObject({ code: 0 });
    await first('mission_completed');
    expect(await ledger(request.mission_id)).toEqual(LEDGER);
    // They are in different partitions, which are read in any order.
    const [started, resumed] = [await first('task_started'), await first('mission_resume_requested')];
    expect(started.timestamp).toBeGreaterThan(resumed.timestamp);
  });
});
