import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chooseJava } from '../../src/local/choose-stack.js';
import { createLocalStack } from '../../src/local/local-stack.js';
import { signalProcess } from '../../src/local/os-process.js';
import { developmentPlace } from '../../src/local/stack-place.js';
import { temporaryPlace, world } from '../local/stack-fixture.js';
import { supervise } from '../support/supervise.js';
import { createSwarmProcesses } from '../support/swarm-processes.js';

const COUNTER = pathToFileURL(fileURLToPath(new URL('../support/count-unhandled.mjs', import.meta.url))).href;
const choice = await chooseJava(developmentPlace(resolve('.')), world.env, 'this test kills a broker of its own');
const hasBroker = process.env['RAVENHELM_TEST_BROKERS'] !== undefined;
const describeWithJava = (name: string, body: () => void) => (choice.kind === 'java' && hasBroker ? describe(name, body) : describe.skip(`${name} [no Java, or no broker]`, body));

const AGENT = `---
name: first_agent
description: Writes a file.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 2
timeout_seconds: 60
max_steps: 10
playbooks:
  quick:
    steps:
      - { name: write, command: touch done.txt, unless: test -f done.txt }
    acceptance:
      - { name: it is there, command: test -f done.txt }
---
You write a file.
`;
const MISSION = `name: quick
brief: Write a file.
plan:
  waves:
    - tasks: [{ agent: first_agent, description: Write., playbook: quick }]
`;

describeWithJava('a broker that is killed and comes back', () => {
  test('leaves nothing unhandled in the roles, and the swarm goes on', async () => {
    const place = await temporaryPlace();
    const stack = createLocalStack(place, world);
    const { brokers, registryUrl } = await stack.up({ progress: () => undefined });
    const swarm = await createSwarmProcesses({ agents: { first_agent: AGENT }, mission: MISSION, env: { KAFKA_BROKERS: brokers.join(','), SCHEMA_REGISTRY_URL: registryUrl, RAVENHELM_SANDBOX: 'off', NODE_OPTIONS: `--import=${COUNTER}` } });
    const report = `${swarm.dir}/unhandled.txt`;
    Object.assign(swarm.env, { RAVENHELM_TEST_UNHANDLED: report });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
    const roles = [supervise(swarm, '--role', 'orchestrator'), supervise(swarm, '--role', 'worker')];
    expect(await swarm.run('submit', 'mission.yaml', '--wait')).toMatchObject({ code: 0 });

    const { services } = await stack.status();
    const pid = services.find(({ name }) => name === 'broker')?.pid;
    if (pid === undefined || pid === null) throw new Error('the broker has no process');
    signalProcess(pid, 'SIGKILL');
    // Nobody is there: what a client is told at once, and what the roles keep finding out meanwhile.
    expect(await swarm.run('submit', 'mission.yaml')).toMatchObject({ code: 3 });
    await stack.up({ progress: () => undefined });
    expect(await swarm.run('submit', 'mission.yaml', '--wait')).toMatchObject({ code: 0 });
    expect(await Promise.all(roles.map((role) => role.stop()))).toEqual([0, 0]);
    // One that gave up meanwhile (4), or found no broker when it began again (3), was started again; none broke (70).
    expect(roles.flatMap(({ codes }) => codes).filter((code) => code !== 4 && code !== 3 && code !== 0)).toEqual([]);
    expect(existsSync(report) ? readFileSync(report, 'utf8') : '').toBe('');
    await swarm.close();
    await stack.down();
    await place.remove();
  }, 400_000);
});
