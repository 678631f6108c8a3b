/** A redactor that is given to a worker changes what its models see, and what they say, before it is on the log. */
import { rebuildPrompts } from '../../src/agent/prompt-journal.js';
import type { ChatMessage, ChatModel } from '../../src/ports/model.js';
import { agentSpec, createRoleSwarm } from '../support/role-swarm.js';

const STEP = {
  thought: 'hunter2',
  action: { tool: 'execute_terminal_command', arguments: { command: 'echo hunter2' } },
};
const FINISH = { thought: 'done', action: { finish: { summary: 'used hunter2', outputs: [] } } };

test("a worker's redactor is applied both ways, and to what is journaled", async () => {
  const prompts: (readonly ChatMessage[])[] = [];
  const replies = ['not JSON: hunter2', JSON.stringify(STEP), JSON.stringify(FINISH)];
  const model: ChatModel = {
    name: 'scripted:one',
    probe: async () => ({ usable: true }),
    worstCase: () => ({ tokens: 0, usd: 0 }),
    async chat({ messages }) {
      prompts.push(messages);
      return { text: replies[prompts.length - 1] ?? '', tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false };
    },
  };
  const swarm = await createRoleSwarm({ roster: [agentSpec('cert_agent')], chain: [model] });
  await swarm.startOrchestrator();
  await swarm.startWorker(undefined, undefined, { redact: (text) => text.replaceAll('hunter2', '[hidden]') });
  await swarm.ended(await swarm.submit({ brief: 'Log in with hunter2.' }));
  const calls = swarm.events.flatMap((event) => (event.event_type === 'tool_called' ? [event.payload] : []));
  const outcomes = swarm.events.flatMap((event) => (event.event_type === 'tool_returned' ? [event.payload] : []));
  const ends = swarm.events.filter(({ event_type }) => event_type === 'task_completed');
  const [assigned] = swarm.events.flatMap((event) => (event.event_type === 'task_assigned' ? [event.payload] : []));
  await swarm.close();
  expect(prompts).toHaveLength(3);
  expect(JSON.stringify([prompts, calls, ends])).not.toContain('hunter2');
  expect(prompts[0]?.[1]?.content).toContain('Log in with [hidden].');
  expect(prompts[1]?.[2]?.content).toBe('not JSON: [hidden]');
  expect(calls[0]).toMatchObject({ thought: '[hidden]', arguments: '{"command":"echo [hidden]"}' });
  if (assigned === undefined) throw new TypeError('the task was assigned');
  const steps = calls.map((call) => ({ call, outcome: outcomes.find(({ step }) => step === call.step) ?? null }));
  const rebuilt = rebuildPrompts(assigned, steps).get(1);
  expect(rebuilt?.state).toBe('exact');
  expect(rebuilt?.messages).toEqual(prompts[1]?.map(({ role, content }) => ({ role, content })));
});
