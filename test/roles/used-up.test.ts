/** A model that uses up an attempt, in a swarm: the next attempt is made by the model behind it. */
import type { ChatModel } from '../../src/ports/model.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const CERT = 'cert_agent';
const ENV = 'env_agent';
const MAX_STEPS = 3;

interface Asked extends ChatModel {
  /** Attempts of cert_agent's task that it was asked in. */
  readonly attempts: number[];
}

type Reply = (asked: { readonly step: number; readonly agent: string }) => object | Promise<object>;

function model(name: string, reply: Reply): Asked {
  const attempts: number[] = [];
  return {
    name,
    attempts,
    probe: async () => ({ usable: true }),
    worstCase: () => ({ tokens: 0, usd: 0 }),
    async chat({ turn }) {
      const agent = turn?.task.agent ?? '';
      if (agent === CERT) attempts.push(turn?.task.attempt ?? 0);
      const said = await reply({ step: (turn?.steps.length ?? 0) + 1, agent });
      return { text: JSON.stringify(said), tokensIn: 1, tokensOut: 1, costUsd: 0, promptTruncated: false };
    },
  };
}

const DONE = { thought: 'done', action: { finish: { summary: 'done', outputs: [] } } };
const command = (step: number) => ({
  thought: 'more',
  action: { tool: 'execute_terminal_command', arguments: { command: `step ${step}` } },
});
/** Takes a new step each time and never finishes. */
const busy = () => model('ollama:busy', ({ step }) => command(step));
const able = () => model('openai:able', () => DONE);

async function started(chain: readonly ChatModel[], agents: readonly string[] = [CERT]) {
  const swarm = await createRoleSwarm({
    roster: agents.map((name) => agentSpec(name, { maxSteps: MAX_STEPS })),
    chain,
  });
  await swarm.startOrchestrator();
  return swarm;
}

/** What the records of either topic say of cert_agent's attempts. */
const namesIn = (swarm: RoleSwarm, type: 'task_failed' | 'task_assigned') =>
  swarm.records
    .flatMap(({ topic, content }) => {
      if (content.kind !== 'event' || content.event.event_type !== type) return [];
      const { task_id, attempt, used_up_by } = content.event.payload;
      if (!task_id.includes(CERT)) return [];
      return [`${topic === swarm.topics.coordination ? 'mission' : 'agent'} ${attempt} ${used_up_by}`];
    })
    .toSorted();

describe('a model that uses up an attempt', () => {
  test('is named in its end and in the next assignment, which the model behind it does without it', async () => {
    const [first, second] = [busy(), able()];
    const swarm = await started([first, second]);
    await swarm.startWorker();
    const report = await swarm.ended(await swarm.submit({ retries: 1 }));
    expect(report).toMatchObject({ status: 'completed', tasks: [{ attempts: 2, model: 'openai:able' }] });
    expect([first.attempts, second.attempts]).toEqual([[1, 1, 1], [2]]);
    expect(namesIn(swarm, 'task_failed')).toEqual(['agent 1 ollama:busy', 'mission 1 ollama:busy']);
    expect(namesIn(swarm, 'task_assigned')).toEqual([
      'agent 1 null',
      'agent 2 ollama:busy',
      'mission 1 null',
      'mission 2 ollama:busy',
    ]);
  });

  test('is not asked either by a worker that takes over the next attempt, before its first step or later', async () => {
    for (const taken of [0, 1]) {
      const first = busy();
      let lose: (error: Error) => void = () => undefined;
      let hangs: () => void = () => undefined;
      const hung = new Promise<void>((resolve) => (hangs = resolve));
      let calls = 0;
      const second = model('openai:able', ({ step }) => {
        if (step <= taken || calls > 0) return step <= taken ? command(step) : DONE;
        calls += 1;
        hangs();
        return new Promise<never>((_resolve, reject) => (lose = reject));
      });
      const swarm = await started([first, second]);
      const worker = await swarm.startWorker();
      const id = await swarm.submit({ retries: 1 });
      await hung;
      await worker.kill();
      lose(new Error('its process is gone'));
      await swarm.startWorker();
      expect(await swarm.ended(id)).toMatchObject({ status: 'completed' });
      expect(first.attempts).toEqual([1, 1, 1]);
      expect(new Set(second.attempts)).toEqual(new Set([2]));
      await swarm.close();
    }
  });

  test('is not asked in the attempt that a person asks for, after the task has failed for good', async () => {
    let release: (reply: object) => void = () => undefined;
    const held = new Promise<object>((resolve) => (release = resolve));
    // The other agent's task keeps the mission going.
    const first = model('ollama:busy', ({ step, agent }) => (agent === ENV ? held : command(step)));
    const second = able();
    const swarm = await started([first, second], [CERT, ENV]);
    await swarm.startWorker();
    const id = await swarm.submit({ retries: 0 });
    const task = () => swarm.view.report(id)?.tasks.find(({ agent }) => agent === CERT);
    await swarm.until(() => task()?.status === 'failed');
    const request = {
      mission_id: id,
      task_id: task()?.task_id ?? '',
      attempt: 1,
      requested_by: 'ann',
      reason: 'again',
      signed: null,
    };
    await swarm.append(
      swarm.createEvent({ type: 'task_retry_requested', from: 'ann', missionId: id, payload: request }),
      id,
    );
    await swarm.until(() => task()?.status === 'verified' || second.attempts.length > 0);
    release(DONE);
    expect(await swarm.ended(id)).toMatchObject({ status: 'completed' });
    expect([first.attempts, second.attempts]).toEqual([[1, 1, 1], [2]]);
  });
});
