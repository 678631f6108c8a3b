import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { runInPipe } from './support/ravenhelm.js';

/** A mission without a plan, as the built program on the in-memory log handles it. */
let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
  const head = 'name: k8s\nbrief: Write Kubernetes manifests.\nagents: [first_agent]\n';
  write('brief.yaml', head);
  write('short.yaml', `${head}budget: { minutes: 0.2 }\n`);
  write('order.yaml', `${head}planner: order\n`);
  write(
    'open.yaml',
    `${head}retries: 0\nplan: { waves: [{ tasks: [{ agent: first_agent, description: Write. }] }] }\n`,
  );
  write('long.yaml', `${head}budget: { minutes: 100000 }\nplan: { waves: [{ tasks: [${QUICK}] }] }\n`);
});
afterAll(() => clone.remove());

const QUICK = '{ agent: first_agent, description: Write., playbook: quick, timeout_seconds: 31536000 }';
const write = (name: string, text: string) => writeFileSync(join(clone.dir, 'missions', name), text);
const run = (file: string, env: Readonly<Record<string, string>> = {}, ...flags: readonly string[]) =>
  runInPipe(clone, ['run', `missions/${file}`, '--workspace', `of-${file}`, '--log', 'memory', ...flags], env);

describe('without a plan and without a planner model', () => {
  test.each(['run', 'plan'])('%s ends with 2 before anything runs, and names the three ways out', async (command) => {
    const flags = command === 'run' ? ['--workspace', 'unused', '--log', 'memory'] : [];
    const { code, stderr } = await runInPipe(clone, [command, 'missions/brief.yaml', ...flags]);
    expect(code).toBe(2);
    expect(stderr).toContain('missions/brief.yaml: the mission has no plan, and no planner model is configured');
    for (const part of ['no Ollama at', 'ANTHROPIC_API_KEY', 'plan:', 'planner: order', 'PLANNER_MODELS'])
      expect(stderr).toContain(part);
    expect(existsSync(join(clone.dir, 'unused'))).toBe(false);
  });

  test('planner: order plans by the agents’ order, and the plan says who chose its playbooks', async () => {
    const { code, stdout } = await runInPipe(clone, ['plan', 'missions/order.yaml']);
    expect(code).toBe(0);
    expect(stdout).toContain('planned by: order');
  });

  test('a task without a playbook is named before it fails, and its failure names the models', async () => {
    const { code, stdout, stderr } = await run('open.yaml');
    expect(stderr).toContain('warning: no model here can do deploy-first_agent-wave1: no playbook is named');
    expect(code).toBe(1);
    expect(stdout).toMatch(/models of this task: playbook; workers playbook \(no Ollama at http:\/\/127\.0\.0\.1:9/);
  });
});

describe('with a planner model that cannot be reached', () => {
  let server: Server;
  beforeAll(async () => {
    server = createServer((_, response) => response.writeHead(503).end('busy')).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => server.close());

  test('run waits within the time budget, says so, and fails with planner_unreachable', async () => {
    const address = server.address();
    const url = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}`;
    const { code, stdout, stderr } = await run(
      'short.yaml',
      { OLLAMA_HOST: url, PLANNER_MODELS: 'ollama:llama3.1' },
      '--json',
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', code: 'planner_unreachable', tasks: [] });
    expect(stderr).toMatch(/plan_failed .* no planner model can be reached.*asked again in/);
  });
});

test('limits far beyond 24.8 days end nothing at once', async () => {
  const { code, stdout, stderr } = await run('long.yaml', {}, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', tasks: [{ status: 'verified' }] });
  expect(code).toBe(0);
  expect(stderr).not.toContain('TimeoutOverflowWarning');
});

test("a person's check that always passes is noted, warned of before, and proves nothing at the end", async () => {
  const acceptance = "[{ name: fine, command: 'exit 0' }]";
  const task = `{ agent: first_agent, description: Write., playbook: quick, acceptance: ${acceptance} }`;
  write(
    'static.yaml',
    `name: s\nbrief: b\nagents: [first_agent]\nplan: { waves: [{ tasks: [${task}] }] }\n` +
      "success: [{ name: all, command: ':' }]\n",
  );
  const { code, stdout } = await runInPipe(clone, ['plan', 'missions/static.yaml']);
  expect(code).toBe(0);
  expect(stdout).toContain('checks of deploy-first_agent-wave1: always passes and proves nothing: "fine"');
  const ran = await run('static.yaml', {}, '--json');
  expect(ran.stderr).toContain(
    'warning: missions/static.yaml: checks of deploy-first_agent-wave1: always passes and proves nothing: "fine"\n' +
      'warning: missions/static.yaml: success checks: always passes and proves nothing: "all"\n',
  );
  const { status, tasks } = JSON.parse(ran.stdout);
  expect([status, tasks.length]).toEqual(['completed', 2]);
  expect(tasks[0].checks).toContainEqual(expect.objectContaining({ name: 'fine', baseline: 'vacuous' }));
  expect(tasks[1].checks).toContainEqual(expect.objectContaining({ name: 'all', baseline: 'vacuous' }));
});
