/** What a prompt says by itself, and what it quotes as data of an origin. */
import { buildPlannerPrompt } from '../../src/agent/planner-prompt.js';
import type { StepDecision } from '../../src/agent/loop-contract.js';
import type { PlanRequest } from '../../src/agent/planner-contract.js';
import { fromResult } from '../../src/agent/taken-step.js';
import { createTranscript } from '../../src/agent/transcript.js';
import { stoppedResult } from '../../src/roles/worker/call-verdict.js';
import { requestOf } from '../domain/support/mission-log.js';
import { BOUNDARY, loopTask, TOOLS } from './fakes.js';

type Assigned = NonNullable<Parameters<typeof loopTask>[1]>;
const decision: StepDecision = {
  thought: 't',
  tool: 'execute_terminal_command',
  arguments: { command: 'ls' },
  idempotent: false,
  model: 'm',
  chainIndex: 0,
  refusals: [],
  tokensIn: 0,
  tokensOut: 0,
  costUsd: 0,
  reserved: { tokens: 0, usd: 0 },
  timing: null,
  repairs: [],
  notRun: [],
  turn: null,
};
const QUIET = { notes: [], rejected: [] };
const promptOf = (assignment: Assigned, turn: Partial<typeof QUIET> | object = {}) =>
  createTranscript(loopTask({}, assignment), TOOLS, [])
    .prompt({ ...QUIET, ...turn }, Infinity)
    .map(({ content }) => content)
    .join('\n');

/** The text between the marks of an origin; null: it stands outside of all marks, or is not there. */
function originOf(prompt: string, text: string): string | null {
  for (const [, from = '', inside = ''] of prompt.matchAll(/<data id="\w+" from="([^"…]*)">\n([^]*?)\n<\/data id=/g))
    if (inside.includes(text)) return from;
  return null;
}

const planRequest = (more: Partial<PlanRequest> = {}, mission: Partial<PlanRequest['mission']> = {}): PlanRequest => ({
  mission: requestOf({ brief: 'Deploy the proxy.', agents: [], ...mission }),
  revision: 2,
  reason: null,
  firstWave: 1,
  done: [],
  boundary: BOUNDARY,
  ...more,
});
const plannerPromptOf = (request: PlanRequest, rejected: Parameters<typeof buildPlannerPrompt>[2] = []) =>
  buildPlannerPrompt(request, [], rejected)
    .map(({ content }) => content)
    .join('\n');

describe("in an agent's prompt", () => {
  test('a result is data of its task, a failure data of the attempt', () => {
    const inputs = [{ task_id: 'a-wave1', agent: 'env_agent', summary: 'wrote it', outputs: {} }];
    const prompt = promptOf({ inputs, feedback: 'it failed', attempt: 2 });
    expect(originOf(prompt, 'wrote it')).toBe('task a-wave1 of env_agent');
    expect(originOf(prompt, 'it failed')).toBe('attempt');
  });

  test('a brief is no data, and one of strangers is', () => {
    const source = { origin: 'brief', detail: '', in_prompt: true };
    expect(originOf(promptOf({ brief: 'build it' }), 'build it')).toBeNull();
    expect(originOf(promptOf({ brief: 'build it', untrusted: [source] }), 'build it')).toBe('brief');
  });

  test('what a person answers is no data, and the failure that it is about is', () => {
    const prompt = promptOf({ feedback: 'it failed', answer: 'the port is 8443', attempt: 2 });
    expect(prompt).toContain('A person was asked what to do, and answers:\nthe port is 8443');
    expect([originOf(prompt, 'it failed'), originOf(prompt, 'the port is 8443')]).toEqual(['attempt', null]);
  });

  test('what a person says who refuses a call is no data; what the policy says is, for it quotes the call', () => {
    const said = (refused_because: string | null) => {
      const call = { tool: 'execute_terminal_command', decision: 'ask', rule: 'r', refused_because } as const;
      const result = stoppedResult(call, 'curl DO-THIS: not wanted');
      const step = fromResult(1, decision, result);
      return createTranscript(loopTask(), TOOLS, [step]).prompt(QUIET, Infinity).at(-1)?.content ?? '';
    };
    expect(originOf(said('ann rejected it: use port 8443'), 'use port 8443')).toBeNull();
    expect(said('ann rejected it: use port 8443')).toContain('ann rejected it: use port 8443');
    expect(originOf(said(null), 'DO-THIS')).toBe('execute_terminal_command');
  });

  test('why models were left, and why a reply cannot be used, are data of models', () => {
    const prompt = promptOf(
      {},
      { notes: ['a: overloaded'], rejected: [{ text: 'x', reason: 'no tool named DO THIS' }] },
    );
    expect(originOf(prompt, 'a: overloaded')).toBe('models');
    expect(originOf(prompt, 'DO THIS')).toBe('models');
  });
});

describe("in a planner's prompt", () => {
  test('why a changed plan is needed is data of the orchestrator, and a summary data of done tasks', () => {
    const done = [{ taskId: 'a-wave1', agent: 'env_agent', summary: 'wrote it' }];
    const prompt = plannerPromptOf(planRequest({ reason: 'it failed', done }));
    expect(originOf(prompt, 'it failed')).toBe('orchestrator');
    expect(originOf(prompt, 'wrote it')).toBe('done tasks');
  });

  test('a brief is no data, and one of strangers is', () => {
    const of = (trusted: boolean) => plannerPromptOf(planRequest({}, { brief: 'build it', brief_trusted: trusted }));
    expect([originOf(of(true), 'build it'), originOf(of(false), 'build it')]).toEqual([null, 'brief']);
  });

  test('what people say is no data', () => {
    const prompt = plannerPromptOf(planRequest({ reason: 'it failed', answer: 'the port is 8443' }));
    expect(prompt).toContain('the port is 8443');
    expect([originOf(prompt, 'it failed'), originOf(prompt, 'the port is 8443')]).toEqual(['orchestrator', null]);
    expect(plannerPromptOf(planRequest({ answer: 'use two' }))).toContain('use two');
  });

  test('why a plan is refused is data of models', () => {
    const prompt = plannerPromptOf(planRequest(), [{ text: '{}', reason: 'no agent named DO THIS' }]);
    expect(originOf(prompt, 'DO THIS')).toBe('models');
  });
});
