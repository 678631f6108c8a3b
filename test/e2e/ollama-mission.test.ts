import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadRoster, type Roster } from '../../src/agent/roster.js';
import type { OllamaChatBody } from '../../src/models/ollama-request.js';
import { describeWithBroker } from '../support/broker.js';
import { startFakeOllama, type FakeOllama } from '../support/fake-ollama.js';
import { createSwarmProcesses, type SwarmProcesses } from '../support/swarm-processes.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const TOOLS = ['execute_terminal_command', 'workspace_read', 'workspace_write', 'workspace_list'];

/** Answers as a good model would: the commands of the agent's playbook one after the other, then finish. */
function nextAction(roster: Roster, { messages = [] }: OllamaChatBody): object {
  const task = messages[1]?.content ?? '';
  const agent = /# Your task \(deploy-(\w+)-wave\d+\)/.exec(task)?.[1] ?? '';
  const leftOut = Number(/Steps 1 to (\d+) are left out/.exec(task)?.[1] ?? 0);
  const taken = leftOut + messages.filter((message) => message.role === 'assistant').length;
  const [playbook] = Object.values(roster.byName(agent)?.playbooks ?? {});
  const step = playbook?.steps[taken];
  if (step === undefined)
    return {
      thought: 'Everything is there.',
      action: { finish: { summary: `${agent} did ${taken} steps`, outputs: [] } },
    };
  return { thought: step.name, action: { tool: 'execute_terminal_command', arguments: { command: step.command } } };
}

describeWithBroker('the platform mission with OLLAMA_HOST at a server that speaks its API', () => {
  let server: FakeOllama;
  let swarm: SwarmProcesses;

  afterEach(async () => {
    await swarm.close();
    await server.close();
  });

  test('runs through the ReAct loop with real tool calls, and every task is verified', async () => {
    const roster = await loadRoster(join(project, 'agents'), { tools: TOOLS });
    server = await startFakeOllama({
      reply: (request) => JSON.stringify(nextAction(roster, request)),
      models: ['qwen3:8b'],
    });
    swarm = await createSwarmProcesses({
      agents: {},
      mission: '',
      env: { OLLAMA_HOST: server.url, WORKER_MODELS: undefined, RAVENHELM_AGENTS_DIR: join(project, 'agents') },
    });

    const { code, stdout, stderr } = await swarm.run(
      'run',
      join(project, 'missions/ravenhelm-platform.yaml'),
      '--json',
    );
    expect(stderr).toContain('ollama:qwen3:8b');
    const report: {
      status: string;
      tasks: { task_id: string; status: string; model: string; tokens: number; steps: number }[];
    } = JSON.parse(stdout);
    const unverified = report.tasks.filter((task) => task.status !== 'verified');
    expect({ code, unverified, report: code === 0 ? null : report }).toEqual({ code: 0, unverified: [], report: null });
    expect(report.status).toBe('completed');
    const tasks = report.tasks.filter((task) => task.task_id.startsWith('deploy-'));
    expect(tasks).toHaveLength(12);
    for (const task of tasks) {
      expect(task).toMatchObject({ status: 'verified', model: 'ollama:qwen3:8b' });
      expect(task.tokens).toBeGreaterThan(0);
    }
    expect(server.requests.length).toBe(tasks.reduce((total, task) => total + task.steps, 0));
  }, 240_000);
});
