import { addCost, clamp, fits, isLimited, left, NOTHING, type Limits } from '../domain/budget.js';
import { ModelError, type ChatModel, type ChatReply, type ChatRequest, type TokenCost } from '../ports/model.js';
import { REJECTED_CHARACTERS, type RejectedReply } from './prompt-text.js';
import type { PassedWhy } from './step.js';
import type { Parsed } from './step-schema.js';
import { cutMiddle } from './tokens.js';

/** Replies that a model may give in one turn. After that many invalid ones the next model is asked. */
const REPLIES_A_TURN = 3;

/** What a turn has used and which errors occurred in it, over all models that were asked. */
export interface Turn {
  /** The limits of the turn; no call is started that could exceed them. */
  readonly allowance: Limits;
  tokensIn: number;
  tokensOut: number;
  costUsd: number;
  /** Why replies were rejected and models were skipped. */
  readonly refusals: string[];
}

export function startTurn(allowance: Limits): Turn {
  return { allowance, tokensIn: 0, tokensOut: 0, costUsd: 0, refusals: [] };
}

export function usedIn(turn: Turn): TokenCost {
  return { tokens: turn.tokensIn + turn.tokensOut, usd: turn.costUsd };
}

export interface Question<T> {
  readonly model: ChatModel;
  /** The request to send after these replies of the model were rejected. */
  request(rejected: readonly RejectedReply[]): ChatRequest;
  parse(text: string): Parsed<T>;
  /** Calls the model under the caller's signals. Rejects with a ModelError, or with an error that ends the turn. */
  chat(request: ChatRequest): Promise<ChatReply>;
}

export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T; readonly reply: ChatReply }
  | { readonly kind: 'passed'; readonly why: PassedWhy };

/** Asks a model until its reply is valid, at most three times. Adds tokens and costs to the turn. */
export async function askModel<T>(question: Question<T>, turn: Turn): Promise<Answer<T>> {
  const { model } = question;
  const rejected: RejectedReply[] = [];
  while (rejected.length < REPLIES_A_TURN) {
    const request = question.request(rejected);
    const bound = isLimited(turn.allowance) ? model.worstCase(request) : NOTHING;
    if (!fits(turn.allowance, usedIn(turn), bound))
      return passed(turn, 'budget', false, overBudget(model, turn, bound));
    const outcome = await callModel(question, request, turn);
    if (outcome instanceof ModelError && outcome.code !== 'invalid')
      return passed(turn, outcome.code, outcome.retriable, named(model, outcome.message));
    if (outcome instanceof ModelError) {
      rejected.push(reject(turn, model, '', outcome.message));
      continue;
    }
    if (outcome.promptTruncated)
      turn.refusals.push(`${model.name}: the model saw only part of the prompt; the next one will be shorter`);
    const parsed = question.parse(outcome.text);
    if (parsed.ok) return { kind: 'answered', value: parsed.value, reply: outcome };
    rejected.push(reject(turn, model, outcome.text, parsed.reason));
  }
  return passed(
    turn,
    'invalid',
    true,
    `${model.name}: ${REPLIES_A_TURN} invalid replies in a row; the last one: ${rejected.at(-1)?.reason ?? ''}`,
  );
}

/** Upper bound of one turn: all replies of all models of the chain, each for its largest possible request. */
export function worstTurn(chain: readonly ChatModel[], largestRequest: (model: ChatModel) => ChatRequest): TokenCost {
  return chain.reduce((sum, model) => {
    const one = model.worstCase(largestRequest(model));
    return addCost(sum, { tokens: one.tokens * REPLIES_A_TURN, usd: one.usd * REPLIES_A_TURN });
  }, NOTHING);
}

/** The part of a worst case that a turn reserves: at most what is left of the limits. */
export function reservation(worstCase: TokenCost, limits: Limits, used: TokenCost): TokenCost {
  return clamp(worstCase, left(limits, used));
}

async function callModel<T>(question: Question<T>, request: ChatRequest, turn: Turn): Promise<ChatReply | ModelError> {
  try {
    const reply = await question.chat(request);
    turn.tokensIn += reply.tokensIn;
    turn.tokensOut += reply.tokensOut;
    turn.costUsd += reply.costUsd;
    return reply;
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    // A failed call does not report which of its tokens belong to the prompt.
    turn.tokensIn += error.used.tokens;
    turn.costUsd += error.used.usd;
    return error;
  }
}

function reject(turn: Turn, model: ChatModel, text: string, reason: string): RejectedReply {
  turn.refusals.push(cutMiddle(named(model, reason), REJECTED_CHARACTERS));
  return { text, reason };
}

function passed(
  turn: Turn,
  cause: PassedWhy['cause'],
  retriable: boolean,
  text: string,
): { readonly kind: 'passed'; readonly why: PassedWhy } {
  // A playbook that gives up quotes the output of its failed step, which the journal already contains.
  const short = cutMiddle(text, REJECTED_CHARACTERS);
  turn.refusals.push(short);
  return { kind: 'passed', why: { cause, retriable, text: short } };
}

function named(model: ChatModel, message: string): string {
  return message.startsWith(model.name) ? message : `${model.name}: ${message}`;
}

function overBudget(model: ChatModel, turn: Turn, worstCase: TokenCost): string {
  const rest = left(turn.allowance, usedIn(turn));
  const need = [
    rest.tokens === null ? null : `${worstCase.tokens} tokens of ${rest.tokens}`,
    rest.usd === null ? null : `$${worstCase.usd.toFixed(4)} of $${rest.usd.toFixed(4)}`,
  ];
  return `${model.name}: a call may need ${need.filter((part) => part !== null).join(' and ')} left in the budget`;
}
