import type { Failover } from '../../src/agent/failover.js';
import type { JournaledStep, LoopEffects, LoopTask, StepDecision, StepResult } from '../../src/agent/loop-contract.js';
import type { LoopLimits } from '../../src/agent/loop-state.js';
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { CheckRecord, PayloadOf } from '../../src/domain/events.js';
import type { Clock } from '../../src/ports/clock.js';
import {
  ModelError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type ModelErrorCode,
  type TokenCost,
} from '../../src/ports/model.js';
import type { ToolDefinition } from '../../src/ports/tools.js';

/** A scripted reply: an object becomes JSON, a text is used unchanged. */
export type Scripted = object | string | ModelError | ((request: ChatRequest) => object | string | ModelError);

export interface ScriptedModel extends ChatModel {
  readonly requests: ChatRequest[];
}

export interface ModelOptions {
  readonly worst?: TokenCost;
  readonly reply?: Partial<ChatReply>;
  readonly contextTokens?: number;
}

/** A model that answers from a script, in order, and gives up at its end. */
export function scriptedModel(
  name: string,
  script: readonly Scripted[],
  { worst = { tokens: 0, usd: 0 }, reply = {}, contextTokens }: ModelOptions = {},
): ScriptedModel {
  const requests: ChatRequest[] = [];
  return {
    name,
    ...(contextTokens === undefined ? {} : { contextTokens }),
    requests,
    probe: async () => ({ usable: true }),
    worstCase: () => worst,
    async chat(request, signal) {
      signal.throwIfAborted();
      const entry = script[requests.length];
      requests.push(request);
      const said =
        typeof entry === 'function' ? entry(request) : (entry ?? new ModelError('gave_up', 'the script has ended'));
      if (said instanceof ModelError) throw said;
      return {
        text: typeof said === 'string' ? said : JSON.stringify(said),
        tokensIn: 10,
        tokensOut: 5,
        costUsd: 0.01,
        promptTruncated: false,
        ...reply,
      };
    },
  };
}

/** A model that decides by the steps so far: its reply depends on the conversation alone. */
export function planningModel(name: string, decide: (request: ChatRequest) => object): ScriptedModel {
  return scriptedModel(
    name,
    Array.from({ length: 50 }, () => decide),
  );
}

export const failure = (code: ModelErrorCode, message = code as string): ModelError =>
  new ModelError(code, message, { used: { tokens: 3, usd: 0.001 } });

/** A clock whose timers fire only on request. */
export function manualClock(): Clock & { fire(): void } {
  const timers = new Set<() => void>();
  return {
    now: () => 0,
    monotonicMs: () => 0,
    setTimer(_delayMs, callback) {
      timers.add(callback);
      return { cancel: () => void timers.delete(callback) };
    },
    fire: () => timers.forEach((callback) => callback()),
  };
}

export const limits = (clock: Clock = manualClock()): LoopLimits => ({
  clock,
  maxOutputTokens: 500,
  maxPromptTokens: 100_000,
});

/** The fake tools have one text argument each. */
function tool(name: string, argument: string, idempotent: boolean): ToolDefinition {
  return {
    name,
    description: `${name} of the tests.`,
    parameters: {
      type: 'object',
      properties: { [argument]: { type: 'string' }, timeout: { type: 'integer', minimum: 1 } },
      required: [argument],
      additionalProperties: false,
    },
    idempotent: () => idempotent,
    validate(args) {
      const given = typeof args === 'object' && args !== null ? Object.entries(args) : [];
      const bad = given.filter(([key]) => key !== argument && key !== 'timeout').map(([key]) => key);
      if (bad.length > 0) return `unknown argument ${bad.join(', ')}`;
      return given.some(([key, value]) => key === argument && typeof value === 'string')
        ? null
        : `${argument} must be text`;
    },
  };
}

export const TOOLS = [tool('execute_terminal_command', 'command', false), tool('workspace_read', 'path', true)];

export const run = (command: string) => ({
  thought: 'because',
  tool: 'execute_terminal_command',
  arguments: { command },
});
export const read = (path: string) => ({ thought: 'because', tool: 'workspace_read', arguments: { path } });
export const finish = (summary = 'done') => ({
  thought: 'it is done',
  finish: { summary, outputs: { where: 'out.txt' } },
});

export const agentSpec: AgentSpec = {
  name: 'cert_agent',
  description: 'Certificates.',
  phase: 1,
  digest: 'revision 1',
  dependsOn: [],
  tools: TOOLS.map((one) => one.name),
  models: null,
  concurrency: 1,
  timeoutSeconds: 300,
  maxSteps: 20,
  playbooks: {},
  prompt: 'You make certificates.',
};

const assignment: PayloadOf<'task_assigned'> = {
  task_id: 'deploy-cert_agent-wave1',
  description: 'Make a certificate.',
  dependencies: [],
  timeout_seconds: 300,
  retry_count: 0,
  parameters: {},
  mission_id: 'm1',
  attempt: 1,
  wave_number: 1,
  agent: 'cert_agent',
  kind: 'task',
  owner: 'o',
  target_partition: 0,
  source: null,
  playbook: null,
  acceptance: [],
  brief: 'Deploy the platform.',
  inputs: [],
  share_tokens: null,
  share_usd: null,
  workspace: null,
  workspace_marker: 'w',
  feedback: null,
  answer: null,
  requires: [],
  workspace_of: null,
  only: null,
  agent_digest: null,
  playbook_acceptance: null,
  protected: [],
  changes: [],
  artifacts: [],
  used_up_by: null,
  beside: null,
  limits: {},
  untrusted: [],
  mission_inputs: [],
};

/** The id in the data marks of prompts. */
export const BOUNDARY = 'b0b0b0b0b0b0';

export function loopTask(
  more: Partial<LoopTask> = {},
  assigned: Partial<PayloadOf<'task_assigned'>> = {},
  agent: Partial<AgentSpec> = {},
): LoopTask {
  return {
    assignment: { ...assignment, ...assigned },
    agent: { ...agentSpec, ...agent },
    playbook: null,
    acceptance: [{ name: 'there', command: 'test -f out.txt' }],
    protection: { listed: [], named: [], changes: [], beside: { changes: [], creates: [] } },
    history: [],
    spent: { tokens: 0, usd: 0 },
    mustReserve: false,
    boundary: BOUNDARY,
    ...more,
  };
}

/** The outcome of a call. */
export type Performer = (decision: StepDecision, step: number) => Partial<StepResult>;

export interface RecordedEffects extends LoopEffects {
  readonly decisions: StepDecision[];
  readonly reservations: TokenCost[];
  readonly failovers: (Failover & { readonly step: number })[];
  /** The steps as a worker would have journaled them. */
  readonly journal: JournaledStep[];
}

export const check = (exitCode: number): CheckRecord => ({
  output: null,
  name: 'there',
  command: 'test -f out.txt',
  exit_code: exitCode,
  duration_ms: 1,
  output_digest: `d${exitCode}`,
  baseline: null,
});

export function recordedEffects(
  chain: readonly ChatModel[],
  perform: Performer = () => ({}),
  more: Partial<LoopEffects> & { readonly history?: readonly JournaledStep[] } = {},
): RecordedEffects {
  const decisions: StepDecision[] = [];
  const reservations: TokenCost[] = [];
  const failovers: RecordedEffects['failovers'] = [];
  const journal: JournaledStep[] = [...(more.history ?? [])];
  return {
    chain,
    tools: TOOLS,
    decisions,
    reservations,
    failovers,
    journal,
    async perform(decision) {
      decisions.push(decision);
      const isFinish = decision.tool === 'finish';
      const result: StepResult = {
        outcome: 'ok',
        exitCode: isFinish ? null : 0,
        observation: `output of step ${journal.length + 1}`,
        outputDigest: null,
        durationMs: 1,
        checks: isFinish ? [check(0)] : null,
        ...perform(decision, journal.length + 1),
      };
      journal.push(journaled(journal.length + 1, decision, result));
      return result;
    },
    async reserveTurn(cost) {
      reservations.push(cost);
    },
    failedOver: (failover, step) => void failovers.push({ ...failover, step }),
    remainingMs: () => 1_000,
    signal: new AbortController().signal,
    ...more,
  };
}

function journaled(step: number, decision: StepDecision, result: StepResult): JournaledStep {
  const common = { mission_id: 'm1', task_id: assignment.task_id, attempt: 1, step, owner: 'o' };
  return {
    call: {
      ...common,
      thought: decision.thought,
      tool: decision.tool,
      arguments: JSON.stringify(decision.arguments),
      idempotent: decision.idempotent,
      model: decision.model,
      chain_index: decision.chainIndex,
      refusals: [...decision.refusals],
      tokens_in: decision.tokensIn,
      tokens_out: decision.tokensOut,
      cost_usd: decision.costUsd,
      reserved_tokens: decision.reserved.tokens,
      reserved_usd: decision.reserved.usd,
      started_at: null,
      first_token_ms: null,
      model_ms: null,
      turn: decision.turn,
      repairs: [...decision.repairs],
      decision: null,
      rule: null,
      approval_id: null,
      approved_by: null,
      refused_because: null,
      check_decisions: null,
      tainted_by: [],
      baseline: null,
    },
    outcome: {
      ...common,
      outcome: result.outcome,
      exit_code: result.exitCode,
      observation: result.observation,
      output_digest: result.outputDigest,
      duration_ms: result.durationMs,
      checks: result.checks ? [...result.checks] : null,
      changed_paths: [...(result.changed ?? [])],
      limit: null,
    },
  };
}
