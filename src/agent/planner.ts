import { NOTHING, type Limits } from '../domain/budget.js';
import type { Plan } from '../domain/events.js';
import { orderPlan } from '../domain/plan-order.js';
import { describePlanProblem, validatePlan } from '../domain/plan-rules.js';
import type { PlanScope } from '../domain/plan.js';
import type { ChatModel, ChatRequest } from '../ports/model.js';
import { askModel, moreRoom, reservation, startTurn, worstTurn, type Asked, type Turn } from './ask-model.js';
import { failoverOf, type Failover } from './failover.js';
import { planReplyJsonSchema, readPlanReply } from './plan-reply.js';
import { PlanningFailed, type Planner, type PlannerAnswer, type PlanRequest } from './planner-contract.js';
import { buildPlannerPrompt, REJECTED_PLAN_CHARACTERS } from './planner-prompt.js';
import type { Roster } from './roster.js';

export interface PlannerOptions {
  /** The models, asked in order. ORDER, which needs no model, comes last. */
  readonly chain: readonly ChatModel[];
  readonly roster: Roster;
  /** The most tokens of a plan. */
  readonly maxOutputTokens: number;
}

/** The planner's name when the plan is the agents' declared order. */
const ORDER = 'order';

/**
 * Plans a mission. It asks the models in order, each up to three times with the reasons why its plan was refused, and
 * falls back to waves from the agents' declared dependencies.
 */
export function createPlanner(options: PlannerOptions): Planner {
  return {
    worstCase: (request) => worstPlan(options, request),
    propose: (request, signal, failedOver = () => undefined) => propose(options, request, signal, failedOver),
  };
}

async function propose(
  { chain, roster, maxOutputTokens }: PlannerOptions,
  request: PlanRequest,
  signal: AbortSignal,
  failedOver: (failover: Failover) => void,
): Promise<PlannerAnswer> {
  const scope = scopeOf(roster, request);
  const turn = startTurn(limitsOf(request));
  const unknown = scope.agents.filter((name) => !roster.byName(name));
  if (unknown.length > 0)
    throw planningFailed(
      turn,
      `the mission names agents that this orchestrator does not know: ${unknown.join(', ')}; ` +
        'start it with the files of these agents',
    );
  for (const [index, model] of chain.entries()) {
    signal.throwIfAborted();
    const answer = await askModel(
      {
        model,
        request: (asked) => chatRequest(roster, request, asked, roomOf(model, maxOutputTokens, asked)),
        read: (reply) => readPlanReply(reply, scope, request.firstWave),
        chat: (asked) => model.chat(asked, signal),
      },
      turn,
    );
    if (answer.kind === 'answered')
      return answerOf(turn, model.name.split(':')[0] ?? model.name, model.name, answer.value);
    failedOver(failoverOf(model, chain[index + 1]?.name ?? ORDER, answer.why));
  }
  return answerOf(turn, ORDER, '', planByOrder(scope, request, turn));
}

/** The declared order; for a changed plan, of the agents without a completed task. */
function planByOrder(scope: PlanScope, request: PlanRequest, turn: Turn): Plan {
  const plan = orderPlan(scope, request.firstWave);
  const problems = validatePlan(plan, scope);
  if (problems.length === 0) return plan;
  const nothingLeft = plan.waves.length === 0 && scope.done.length > 0;
  const why = nothingLeft
    ? 'every agent of the mission has completed its task; the declared order has nothing left to plan'
    : problems.map(describePlanProblem).join(' ');
  throw planningFailed(turn, `order: ${why}`);
}

function planningFailed(turn: Turn, why: string): PlanningFailed {
  return new PlanningFailed([...turn.refusals, why].join('\n'), {
    tokensIn: turn.tokensIn,
    tokensOut: turn.tokensOut,
    costUsd: turn.costUsd,
  });
}

function answerOf(turn: Turn, planner: string, model: string, plan: Plan): PlannerAnswer {
  return {
    planner,
    model,
    plan,
    refusals: turn.refusals,
    tokensIn: turn.tokensIn,
    tokensOut: turn.tokensOut,
    costUsd: turn.costUsd,
  };
}

function scopeOf(roster: Roster, request: PlanRequest): PlanScope {
  return { roster: roster.agents, agents: request.mission.agents, done: request.done };
}

function limitsOf({ available, mission }: PlanRequest): Limits {
  return available ?? { tokens: mission.budget.tokens, usd: mission.budget.usd };
}

function chatRequest(
  roster: Roster,
  request: PlanRequest,
  { rejected }: Pick<Asked, 'rejected'>,
  maxOutputTokens: number,
): ChatRequest {
  const agents = roster.agents.filter((agent) => request.mission.agents.includes(agent.name));
  return {
    messages: buildPlannerPrompt(request, agents, rejected),
    schema: planReplyJsonSchema,
    maxOutputTokens,
    turn: null,
  };
}

function roomOf({ contextTokens }: ChatModel, maxOutputTokens: number, asked: Pick<Asked, 'moreRoom'>): number {
  return asked.moreRoom ? moreRoom(maxOutputTokens, contextTokens) : maxOutputTokens;
}

/** Each model may be asked three times, the last time with two refused plans and their reasons in the prompt. */
function worstPlan(
  { chain, roster, maxOutputTokens }: PlannerOptions,
  request: PlanRequest,
): { readonly tokens: number; readonly usd: number } {
  // Each punctuation mark is one token, so no text of this length has more tokens.
  const longest = '"'.repeat(REJECTED_PLAN_CHARACTERS);
  const rejected = [
    { text: longest, reason: longest },
    { text: longest, reason: longest },
  ];
  return reservation(
    worstTurn(chain, (model, more) =>
      chatRequest(roster, request, { rejected }, roomOf(model, maxOutputTokens, { moreRoom: more })),
    ),
    limitsOf(request),
    NOTHING,
  );
}
