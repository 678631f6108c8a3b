/** What tainted a task is in the journal, in the mission's report and before the eyes of the policy. */
import type { EventOf, EventType, PayloadOf } from '../../src/domain/events.js';
import type { CallFacts, Policy, Verdict } from '../../src/ports/policy.js';
import { agentSpec, createRoleSwarm, type RoleSwarm } from '../support/role-swarm.js';

const AGENT = 'cert_agent';
const WORKSPACE = { origin: 'workspace', detail: '', step: 1 };
const ALLOW: Verdict = { decision: 'allow', rule: 'default', reason: 'no rule' };

/** Asks about commands with these words, where the task is tainted. */
function taintedPolicy(words: string, seen: CallFacts[] = []): Policy {
  const judge = (command: string, facts: CallFacts): Verdict => {
    seen.push(facts);
    const asks = facts.tainted === true && command.includes(words);
    return asks ? { decision: 'ask', rule: 'tainted', reason: 'strangers' } : ALLOW;
  };
  return {
    judge: ({ arguments: args, ...facts }) => judge(String(args['command']), facts),
    judgeCommand: (_, command, facts = {}) => judge(command, facts),
  };
}

describe('a task in a workspace that was given', () => {
  let swarm: RoleSwarm;
  afterEach(() => swarm.close());
  const eventsOf = <T extends EventType>(type: T): readonly EventOf<T>[] =>
    swarm.events.filter((event): event is EventOf<T> => event.event_type === type);

  async function start(request: Partial<PayloadOf<'mission_requested'>>, words = 'nothing', seen: CallFacts[] = []) {
    swarm = await createRoleSwarm({ roster: [agentSpec(AGENT)], policy: taintedPolicy(words, seen), askMs: 3_600_000 });
    await swarm.startOrchestrator();
    return { worker: await swarm.startWorker(), id: await swarm.submit({ retries: 0, ...request }) };
  }

  test('is tainted from its second call on, and the policy hears of it', async () => {
    const seen: CallFacts[] = [];
    const { id } = await start({ workspace: '/given' }, 'nothing', seen);
    const report = await swarm.ended(id);
    expect(eventsOf('task_assigned').at(-1)?.payload.untrusted).toEqual([
      { origin: 'workspace', detail: '', in_prompt: false },
    ]);
    expect(eventsOf('tool_called').map(({ payload }) => payload.tainted_by)).toEqual([
      [],
      [WORKSPACE],
      [WORKSPACE],
      [WORKSPACE],
    ]);
    // Before the first step the checks are judged, too.
    expect(seen.map(({ tainted }) => tainted)).toEqual([false, false, true, true, true]);
    expect(report.tasks[0]?.tainted_by).toEqual([WORKSPACE]);
  });

  test('is not tainted where the mission trusts it', async () => {
    const { id } = await start({ workspace: '/given', workspace_trusted: true }, 'step');
    const report = await swarm.ended(id);
    expect(report.status).toBe('completed');
    expect(eventsOf('tool_called').flatMap(({ payload }) => payload.tainted_by)).toEqual([]);
    expect(report.tasks[0]?.tainted_by).toEqual([]);
  });

  test('has a call that a person is asked about, with what tainted the task', async () => {
    const { id } = await start({ workspace: '/given' }, 'step 2');
    const waiting = () => swarm.view.report(id)?.waiting_calls[0];
    await swarm.until(() => waiting() !== undefined);
    expect(waiting()).toMatchObject({ rule: 'tainted', step: 2, tainted_by: [WORKSPACE] });
    expect(eventsOf('call_proposed').map(({ payload }) => payload)).toMatchObject([{ tainted_by: [WORKSPACE] }]);
    expect(eventsOf('tool_called')).toHaveLength(1);
  });

  test('has its checks judged as tainted from the start when its brief is untrusted', async () => {
    const { id } = await start({ brief_trusted: false }, `${AGENT} check`);
    await swarm.until(() => swarm.view.report(id)?.waiting_calls.length === 1);
    expect(eventsOf('call_proposed').map(({ payload }) => payload)).toMatchObject([
      { tool: 'finish', tainted_by: [{ origin: 'brief', detail: '', step: 0 }] },
    ]);
    expect(swarm.ledger.before).toEqual([]);
  });

  test('is as tainted for the worker that takes it over', async () => {
    const steps = [1, 2, 3].map((n) => ({ name: `${n}`, command: `step ${n}`, unless: `done ${n}` }));
    const playbooks = { work: { name: 'work', steps, acceptance: [] } };
    swarm = await createRoleSwarm({ roster: [agentSpec(AGENT, { playbooks })], policy: taintedPolicy('nothing') });
    await swarm.startOrchestrator();
    const behave = (hanging: string) => (command: string) =>
      command === hanging ? 'hang' : command.startsWith('done') ? 'fail' : 'ok';
    const first = await swarm.startWorker([AGENT], behave('step 2'));
    const id = await swarm.submit({ retries: 0, workspace: '/given' });
    await swarm.until(() => swarm.eventsOf('tool_called').length === 4);
    await first.kill();
    await swarm.startWorker([AGENT], behave('none'));
    expect((await swarm.ended(id)).tasks).toMatchObject([{ attempts: 1, tainted_by: [WORKSPACE] }]);
    const calls = eventsOf('tool_called').map(({ payload }) => payload);
    expect(new Set(calls.map(({ owner }) => owner)).size).toBe(2);
    expect(calls.map(({ tainted_by }) => tainted_by)).toEqual(calls.map(({ step }) => (step === 1 ? [] : [WORKSPACE])));
  });
});
