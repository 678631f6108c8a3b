import { NOTHING, type Limits } from '../domain/budget.js';
import type { Plan } from '../domain/events.js';
import { orderPlan } from '../domain/plan-order.js';
import { describePlanProblem } from '../domain/plan-problem.js';
import { validatePlan } from '../domain/plan-rules.js';
import type { PlanScope } from '../domain/plan.js';
import type { PricedModel } from '../domain/planner-price.js';
import type { ChatModel, ChatRequest } from '../ports/model.js';
import { askModel, replyRoom, reservation, startTurn, worstTurn, type Asked, type Turn } from './ask-model.js';
import { replyReadOf, type ReplyRead } from './reply-read.js';
import { failoverOf, type Failover } from './failover.js';
import { planReplyJsonSchema, readPlanReply } from './plan-reply.js';
import {
  PlanningFailed,
  WAYS_TO_A_PLAN,
  type Planner,
  type PlannerAnswer,
  type PlanningFailedCode,
  type PlanRequest,
} from './planner-contract.js';
import { buildPlannerPrompt, REJECTED_PLAN_CHARACTERS } from './planner-prompt.js';
import type { Redact } from '../domain/redaction.js';
import { NO_REDACTION, redactMessages, redactReplies } from './redact.js';
import type { Roster } from './roster.js';
import type { PassedWhy } from './step.js';

export interface PlannerOptions {
  /** The models, asked in order; may be empty. */
  readonly chain: readonly ChatModel[];
  /** Why the chain is empty, for the person who configures it. */
  readonly absence?: string;
  readonly roster: Roster;
  /** The most tokens of a plan. */
  readonly maxOutputTokens: number;
  /** What prompts, replies and errors of models pass (redact.ts). Absent: nothing is changed. */
  readonly redact?: Redact;
  /** Reports what could be read from a reply. Absent: it is not reported. */
  readonly replyRead?: (reply: ReplyRead) => void;
}

/** The planner's name when the plan is the agents' declared order, in the mission's file and in its plan. */
const ORDER = 'order';

/**
 * Plans a mission. It asks the models in order, each up to three times with the reasons why its plan was refused. Waves
 * from the agents' declared dependencies are made only for a mission that says `planner: order`: a person who wrote a
 * brief expects that it was read.
 */
export function createPlanner(options: PlannerOptions): Planner {
  return {
    pricedModel: (wrote) => pricedModel(options, wrote),
    worstCase: (request) => worstPlan(options, request),
    propose: (request, signal, failedOver = () => undefined) => propose(options, request, signal, failedOver),
  };
}

function pricedModel({ chain }: PlannerOptions, wrote: string): PricedModel | null {
  const model = wrote === '' ? chain[0] : chain.find(({ name }) => name === wrote);
  // Another orchestrator has asked it, and this one does not know its price.
  if (model === undefined) return wrote === '' ? null : { model: wrote, price: null };
  const { name, price } = model;
  // What costs nothing, or whose price was left at 0, is no measure.
  return { model: name, price: price === undefined || price.input + price.output === 0 ? null : price };
}

async function propose(
  options: PlannerOptions,
  request: PlanRequest,
  signal: AbortSignal,
  failedOver: (failover: Failover) => void,
): Promise<PlannerAnswer> {
  const scope = scopeOf(options.roster, request);
  const turn = startTurn(limitsOf(request));
  const unknown = scope.agents.filter((name) => !options.roster.byName(name));
  if (unknown.length > 0)
    throw planningFailed(
      turn,
      `the mission names agents that this orchestrator does not know: ${unknown.join(', ')}; ` +
        `put ${unknown.map((name) => `${name}.md`).join(', ')} where it reads its agents`,
      'unknown_agents',
    );
  if (isByOrder(request)) return answerOf(turn, ORDER, '', planByOrder(scope, request, turn));
  if (options.chain.length === 0) throw planningFailed(turn, noPlanner(options), 'no_planner');
  return askChain(options, request, { scope, turn, signal, failedOver });
}

/** Only where the mission's file says so. */
const isByOrder = ({ mission }: PlanRequest): boolean => mission.planner === ORDER;

const noPlanner = ({ absence = '' }: PlannerOptions): string =>
  `no planner model is configured${absence === '' ? '' : ` (${absence})`}; ${WAYS_TO_A_PLAN}`;

interface Asking {
  readonly scope: PlanScope;
  readonly turn: Turn;
  readonly signal: AbortSignal;
  readonly failedOver: (failover: Failover) => void;
}

async function askChain(
  { chain, roster, maxOutputTokens, redact = NO_REDACTION, replyRead }: PlannerOptions,
  request: PlanRequest,
  { scope, turn, signal, failedOver }: Asking,
): Promise<PlannerAnswer> {
  const shown = shownRequest(request, redact);
  const passed: PassedWhy[] = [];
  for (const [index, model] of chain.entries()) {
    signal.throwIfAborted();
    const answer = await askModel(
      {
        model,
        request: (asked) => {
          const question = chatRequest(roster, shown, asked, replyRoom(model, maxOutputTokens, asked.moreRoom));
          return { ...question, messages: redactMessages(question.messages, redact) };
        },
        read: (reply) => readPlanReply(reply, scope, request.firstWave),
        chat: redactReplies((asked) => model.chat(asked, signal), redact),
        onReading: (reading) => replyRead?.(replyReadOf(model, reading)),
      },
      turn,
    );
    if (answer.kind === 'answered')
      return answerOf(turn, model.name.split(':')[0] ?? model.name, model.name, answer.value);
    passed.push(answer.why);
    const next = chain[index + 1];
    if (next !== undefined) failedOver(failoverOf(model, next.name, answer.why));
  }
  throw failureOf(turn, passed);
}

/**
 * May be asked again later when a model could not be reached and none that was reached wrote plans that cannot be
 * used: those would be written, and paid, again.
 */
function failureOf(turn: Turn, passed: readonly PassedWhy[]): PlanningFailed {
  const mayRetry =
    passed.some(({ cause, retriable }) => retriable && cause !== 'invalid') &&
    passed.every(({ cause }) => cause !== 'invalid');
  return mayRetry
    ? planningFailed(turn, 'no planner model can be reached', 'planner_unreachable')
    : planningFailed(turn, 'no planner model has given a plan that can be used');
}

/** The texts that the prompt cuts, redacted before. */
function shownRequest(request: PlanRequest, redact: Redact): PlanRequest {
  const { reason, done } = request;
  return {
    ...request,
    reason: reason === null ? null : redact(reason),
    done: done.map((task) => ({ ...task, summary: redact(task.summary) })),
  };
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

function planningFailed(turn: Turn, why: string, code?: PlanningFailedCode): PlanningFailed {
  const { tokensIn, tokensOut, costUsd } = turn;
  const text = turn.refusals.length === 0 ? why : `${why}: ${turn.refusals.join('; ')}`;
  return new PlanningFailed(text, { tokensIn, tokensOut, costUsd }, code);
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

/** Each model may be asked three times, the last time with two refused plans and their reasons in the prompt. */
function worstPlan(
  { chain, roster, maxOutputTokens }: PlannerOptions,
  request: PlanRequest,
): { readonly tokens: number; readonly usd: number } {
  if (isByOrder(request)) return NOTHING;
  // Each punctuation mark is one token, so no text of this length has more tokens.
  const longest = '"'.repeat(REJECTED_PLAN_CHARACTERS);
  const rejected = [
    { text: longest, reason: longest },
    { text: longest, reason: longest },
  ];
  return reservation(
    worstTurn(chain, (model, more) =>
      chatRequest(roster, request, { rejected }, replyRoom(model, maxOutputTokens, more)),
    ),
    limitsOf(request),
    NOTHING,
  );
}
