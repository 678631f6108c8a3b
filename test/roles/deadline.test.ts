/** A task whose tool does not end at the task's deadline: it is stopped from outside, and the reason says all of it. */
import type { EventOf } from '../../src/domain/events.js';
import type { ChatModel } from '../../src/ports/model.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const MODEL = 'ollama:busy';
/** Takes a new step each time and never finishes. */
const busy: ChatModel = {
  name: MODEL,
  probe: async () => ({ usable: true }),
  worstCase: () => ({ tokens: 0, usd: 0 }),
  chat: async ({ turn }) => ({
    text: JSON.stringify({
      thought: 'more',
      action: { tool: 'execute_terminal_command', arguments: { command: `step ${(turn?.steps.length ?? 0) + 1}` } },
    }),
    tokensIn: 1,
    tokensOut: 1,
    costUsd: 0,
    promptTruncated: false,
  }),
};

describe('a task that is stopped after its deadline', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());

  const failed = (): readonly EventOf<'task_failed'>['payload'][] =>
    swarm.records.flatMap(({ topic, content }) =>
      topic !== swarm.topics.coordination && content.kind === 'event' && content.event.event_type === 'task_failed'
        ? [content.event.payload]
        : [],
    );

  test('says which step of which model had not ended and for how long, and what the model did before', async () => {
    swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent', { timeoutSeconds: 1 })],
      chain: [busy],
      behaviour: (command) => (command === 'step 3' ? 'hang' : 'ok'),
    });
    await swarm.startOrchestrator();
    await swarm.startWorker(undefined, undefined, { timings: { deadlineGraceMs: 50 } });
    const report = await swarm.ended(await swarm.submit({ retries: 0 }));
    const [end] = failed();
    expect(end).toMatchObject({ code: 'timeout', retriable: true, used_up_by: MODEL });
    const parts = end?.error.split('; ') ?? [];
    expect(parts).toEqual([
      'the execution deadline of 1 s has passed',
      expect.stringMatching(/^step 3, execute_terminal_command of ollama:busy, had not ended after \d\.\d s$/),
      expect.stringMatching(/^ollama:busy took \d\.\d s \(2 calls, 2 steps\)$/),
    ]);
    expect(Number(/after (.*) s$/.exec(parts[1] ?? '')?.[1])).toBeGreaterThan(0);
    expect(report.reason).toContain('step 3, execute_terminal_command of ollama:busy, had not ended after');
  });

  test('before its first step says so, and names no model', async () => {
    swarm = await createRoleSwarm({
      roster: [agentSpec('cert_agent', { timeoutSeconds: 1 })],
      chain: [busy],
    });
    await swarm.startOrchestrator();
    const worker = await swarm.startWorker(undefined, undefined, { timings: { deadlineGraceMs: 50 } });
    // The look at what is there does not end by itself.
    worker.tools.takeBaseline = (_, signal) =>
      new Promise((__, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    await swarm.ended(await swarm.submit({ retries: 0 }));
    expect(failed()[0]).toMatchObject({
      error: expect.stringMatching(
        /^the execution .* has passed before the first step of cert_agent, which had waited \d\.\d s to begin$/,
      ),
      used_up_by: null,
    });
  });
});
