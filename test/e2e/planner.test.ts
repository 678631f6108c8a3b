import { describeWithBroker } from '../support/broker.js';
import { startFakeAnthropic, type FakeAnthropic } from '../support/fake-anthropic.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

const agent = (name: string, step: string) => `---
name: ${name}
description: Writes a file.
phase: 1
depends_on: []
tools: [execute_terminal_command]
concurrency: 1
timeout_seconds: 60
max_steps: 10
playbooks:
  file:
    steps:
      - { name: write, command: "${step}", unless: test -f ${name}.txt }
    acceptance:
      - { name: written, command: test -f ${name}.txt }
---
You write files.
`;

const mission = `
name: planned
brief: Write both files.
retries: 0
`;

const task = (name: string) => ({
  agent: name,
  description: 'Write the file.',
  playbook: 'file',
  acceptance: [],
  timeout_seconds: null,
});
const plan = (...tasks: object[]) =>
  JSON.stringify({
    strategy: 'Side by side.',
    waves: [{ wave_number: 1, rationale: 'No dependencies.', tasks }],
    risks: [],
    success_criteria: [{ name: 'one is there', command: 'test -f one_agent.txt' }],
  });

describeWithBroker('a mission without a plan, planned by Claude over its wire format', () => {
  let server: FakeAnthropic;
  let swarm: SwarmProcesses;
  afterEach(async () => {
    await swarm.close();
    await server.close();
  });

  const start = async (replies: readonly string[], agents: Readonly<Record<string, string>>) => {
    server = await startFakeAnthropic({
      apiKey: 'key',
      reply: (_request, index) => replies[Math.min(index, replies.length - 1)] ?? '',
    });
    swarm = await createSwarmProcesses({
      agents,
      mission,
      env: { ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: server.url },
    });
  };

  test('a plan with an unknown agent goes back with the reason; the next one runs and is verified', async () => {
    await start([plan(task('three_agent')), plan(task('one_agent'), task('two_agent'))], {
      one_agent: agent('one_agent', 'touch one_agent.txt'),
      two_agent: agent('two_agent', 'touch two_agent.txt'),
    });
    const { code, stdout } = await swarm.run('run', 'mission.yaml', '--json');
    expect(code).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.tasks.map((each: { task_id: string; status: string }) => [each.task_id, each.status])).toEqual([
      ['deploy-one_agent-wave1', 'verified'],
      ['deploy-two_agent-wave1', 'verified'],
      ['verify-two_agent-wave2', 'verified'],
    ]);
    expect(report.cost_usd).toBeGreaterThan(0);
    expect(server.requests).toHaveLength(2);
    expect(JSON.stringify(server.requests[1]?.messages)).toContain('three_agent');
  }, 120_000);

  test('a failed task leads to one changed plan for what remains, with waves that continue', async () => {
    await start([plan(task('one_agent'), task('two_agent')), plan(task('one_agent'))], {
      one_agent: agent('one_agent', 'touch one_agent.txt'),
      two_agent: agent('two_agent', 'false'),
    });
    const { code, stdout } = await swarm.run('run', 'mission.yaml', '--json');
    const report = JSON.parse(stdout);
    expect(report.tasks.map((each: { task_id: string; status: string }) => [each.task_id, each.status])).toEqual([
      ['deploy-one_agent-wave1', 'verified'],
      ['deploy-two_agent-wave1', 'failed'],
      ['verify-two_agent-wave2', 'cancelled'],
      ['deploy-one_agent-wave3', 'verified'],
      ['verify-one_agent-wave4', 'verified'],
    ]);
    expect(report.status).toBe('completed');
    expect(code).toBe(0);
    expect(JSON.stringify(server.requests[1]?.messages)).toContain('deploy-two_agent-wave1');
  }, 120_000);
});
