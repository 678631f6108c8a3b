import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describeWithBroker, testBroker } from '../support/broker.js';
import { API, createKafkaProxy, FAULTS, type ApiName } from '../support/kafka-proxy.js';
import { supervise } from '../support/supervise.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

const COUNTER = pathToFileURL(fileURLToPath(new URL('../support/count-unhandled.mjs', import.meta.url))).href;
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

/** What every process of the test did not handle; empty when there was nothing. */
const unhandled = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '');

describeWithBroker('a broker that fails', () => {
  let proxy: Awaited<ReturnType<typeof createKafkaProxy>>;
  let swarm: SwarmProcesses;
  let report: string;

  beforeEach(async () => {
    const [broker = ''] = testBroker().brokers;
    proxy = await createKafkaProxy(broker);
    swarm = await createSwarmProcesses({ agents: { first_agent: AGENT }, mission: MISSION, env: { KAFKA_BROKERS: proxy.address, RAVENHELM_SANDBOX: 'off', NODE_OPTIONS: `--import=${COUNTER}` } });
    report = join(swarm.dir, 'unhandled.txt');
    Object.assign(swarm.env, { RAVENHELM_TEST_UNHANDLED: report });
    expect(await swarm.run('init')).toMatchObject({ code: 0 });
  }, 60_000);
  afterEach(async () => {
    await swarm.close();
    await proxy.close();
  });

  test('leaves nothing unhandled, whichever answer it spoils and how; afterwards the swarm works', async () => {
    const processes = [supervise(swarm, '--role', 'orchestrator'), supervise(swarm, '--role', 'worker')];
    const names = Object.keys(API).filter((name): name is ApiName => name in API && name !== 'LeaveGroup');
    for (const fault of FAULTS) {
      let pending = names.length;
      const struck = names.map((name) => proxy.strike(name, fault).then(() => { pending -= 1; }));
      proxy.cutAll();
      // Something to write, to read and to commit, until every kind of answer was spoilt once. Requests may fail too.
      while (pending > 0) await swarm.run('submit', 'mission.yaml');
      await Promise.all(struck);
      proxy.cutAll();
    }
    const { code, stdout, stderr } = await swarm.run('submit', 'mission.yaml', '--wait', '--json');
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout).status).toBe('completed');
    const left = proxy.strike('LeaveGroup', 'silent');
    const [orchestrator, worker] = await Promise.all(processes.map((process) => process.stop()));
    await left;
    expect([orchestrator, worker]).toEqual([0, 0]);
    expect(unhandled(report)).toBe('');
    // Giving up (4) and not reaching the broker at the start (3) are answers; a fault of the program (70) is none.
    expect(processes.flatMap(({ codes }) => codes).filter((each) => each !== 4 && each !== 3 && each !== 0)).toEqual([]);
  }, 300_000);
});
