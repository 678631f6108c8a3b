import { addCost, clamp, fits, isLimited, left, NOTHING, type Limits } from '../domain/budget.js';
import { ModelError, type ChatModel, type ChatReply, type ChatRequest, type TokenCost } from '../ports/model.js';
import { REJECTED_CHARACTERS, type RejectedReply } from './prompt-text.js';
import type { Reading } from './reading/read-reply.js';
import type { PassedWhy } from './step.js';
import { cutMiddle } from './tokens.js';

/** Replies that a model may give in one turn. After that many invalid ones the next model is asked. */
const REPLIES_A_TURN = 3;
/** How much longer than usual a reply may be after one that was cut. */
const MORE_ROOM = 4;

/** What a turn has used and which errors occurred in it, over all models that were asked. */
export interface Turn {
  /** The limits of the turn; no call is started that could exceed them. */
  readonly allowance: Limits;
  tokensIn: number;
  tokensOut: number;
  costUsd: number;
  /** Why replies were rejected and models were skipped. */
  readonly refusals: string[];
  /** By model: its replies that could not be used. */
  readonly rejected: Map<string, RejectedReply[]>;
  /** Why the chain moved on from models. */
  readonly skipped: PassedWhy[];
}

export function startTurn(allowance: Limits): Turn {
  return { allowance, tokensIn: 0, tokensOut: 0, costUsd: 0, refusals: [], rejected: new Map(), skipped: [] };
}

export function usedIn(turn: Turn): TokenCost {
  return { tokens: turn.tokensIn + turn.tokensOut, usd: turn.costUsd };
}

/** How a model is asked in a turn. */
export interface Asked {
  /** Its replies in this turn that could not be used. */
  readonly rejected: readonly RejectedReply[];
  /** Whether its reply may be longer than usual, because the last one was cut. */
  readonly moreRoom: boolean;
}

export interface Question<T> {
  readonly model: ChatModel;
  request(asked: Asked): ChatRequest;
  read(reply: ChatReply): Reading<T>;
  /** Calls the model under the caller's signals. Rejects with a ModelError, or with an error that ends the turn. */
  chat(request: ChatRequest): Promise<ChatReply>;
  /** Called for each reply, with what could be read from it. */
  onReading?(reading: Reading<T>): void;
}

export type Answer<T> =
  | {
      readonly kind: 'answered';
      readonly value: T;
      readonly reply: ChatReply;
      readonly reading: Extract<Reading<T>, { ok: true }>;
      readonly asked: Asked;
      readonly request: ChatRequest;
    }
  | { readonly kind: 'passed'; readonly why: PassedWhy };

/**
 * Asks a model until its reply can be used, at most three times. A reply that was cut is asked for again once, with
 * advice by its cause, and with more room where its limit was the cause and there is some. Adds tokens
 * and costs to the turn.
 */
export async function askModel<T>(question: Question<T>, turn: Turn): Promise<Answer<T>> {
  const { model } = question;
  const rejected = rejectedOf(turn, model);
  let cuts = 0;
  let moreRoom = false;
  while (rejected.length < REPLIES_A_TURN) {
    const planned = plan(question, { rejected: [...rejected], moreRoom }, turn);
    if ('why' in planned) return planned;
    const { request, asked } = planned;
    const outcome = await callModel(question, request, turn);
    if (outcome instanceof ModelError && outcome.code !== 'invalid')
      return passed(turn, model, outcome.code, outcome.retriable, named(model, outcome.message));
    if (outcome instanceof ModelError) {
      sendBack(turn, model, '', outcome.message);
      continue;
    }
    if (outcome.promptTruncated)
      turn.refusals.push(`${model.name}: the model saw only part of the prompt; the next one will be shorter`);
    const reading = question.read(outcome);
    question.onReading?.(reading);
    if (reading.ok) return { kind: 'answered', value: reading.value, reply: outcome, reading, asked, request };
    sendBack(turn, model, textOf(outcome), reading.reason);
    if (reading.fault !== 'cut') continue;
    cuts += 1;
    moreRoom = needsRoom(outcome);
    if (cuts > 1) return passed(turn, model, 'invalid', true, cutTwice(model, reading.reason, outcome));
  }
  return passed(
    turn,
    model,
    'invalid',
    true,
    `${model.name}: ${REPLIES_A_TURN} invalid replies in a row; the last one: ${rejected.at(-1)?.reason ?? ''}`,
  );
}

/** A longer reply helps where its own limit was reached. A server may not say so: then the text ends too early. */
const needsRoom = ({ ending }: ChatReply): boolean =>
  ending?.kind !== 'cut' || ending.why === 'output_limit' || ending.why === 'only_thinking';

/** The request that fits what is left, or why there is none. More room is left out where it does not fit. */
function plan<T>(
  question: Question<T>,
  asked: Asked,
  turn: Turn,
): { readonly request: ChatRequest; readonly asked: Asked } | Extract<Answer<T>, { kind: 'passed' }> {
  const { model } = question;
  const request = question.request(asked);
  const bound = isLimited(turn.allowance) ? model.worstCase(request) : NOTHING;
  // A model that uses nothing also fits when others have used more than all of it.
  if (model.free === true || fits(turn.allowance, usedIn(turn), bound)) return { request, asked };
  if (asked.moreRoom) return plan(question, { ...asked, moreRoom: false }, turn);
  return passed(turn, model, 'budget', false, overBudget(model, turn, bound));
}

/**
 * The limit of a reply, in tokens; half of the context is left to the prompt.
 * @param more the reply before it was cut
 */
export function replyRoom({ contextTokens }: ChatModel, maxOutputTokens: number, more: boolean): number {
  const most = contextTokens === undefined ? Infinity : Math.floor(contextTokens / 2);
  return Math.min(more ? maxOutputTokens * MORE_ROOM : maxOutputTokens, most);
}

/** A reply as text, for the next prompt. */
function textOf({ text, toolCalls = [] }: ChatReply): string {
  const calls = toolCalls.map(({ name, arguments: args }) => JSON.stringify({ tool: name, arguments: args }));
  return [text, ...calls].filter((part) => part.trim() !== '').join('\n');
}

function cutTwice(model: ChatModel, reason: string, { tokensOut }: ChatReply): string {
  return `${model.name}: two replies were cut, the last one after ${tokensOut} tokens: ${reason}`;
}

/**
 * Upper bound of one turn: all replies of all models of the chain, each for its largest possible request. Replies after
 * the first may have more room.
 */
export function worstTurn(
  chain: readonly ChatModel[],
  largestRequest: (model: ChatModel, moreRoom: boolean) => ChatRequest,
): TokenCost {
  return chain.reduce((sum, model) => {
    const first = model.worstCase(largestRequest(model, false));
    const later = model.worstCase(largestRequest(model, true));
    const replies = Array.from({ length: REPLIES_A_TURN }, (_, index) => (index === 0 ? first : later));
    return replies.reduce(addCost, sum);
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

function rejectedOf(turn: Turn, { name }: ChatModel): RejectedReply[] {
  const rejected = turn.rejected.get(name) ?? [];
  turn.rejected.set(name, rejected);
  return rejected;
}

/** Counts a reply as one that could not be used; the model is asked again with the reason. */
export function sendBack(turn: Turn, model: ChatModel, text: string, reason: string): void {
  turn.refusals.push(cutMiddle(named(model, reason), REJECTED_CHARACTERS));
  rejectedOf(turn, model).push({ text, reason });
}

function passed(
  turn: Turn,
  { name }: ChatModel,
  cause: PassedWhy['cause'],
  retriable: boolean,
  text: string,
): { readonly kind: 'passed'; readonly why: PassedWhy } {
  // A playbook that gives up quotes the output of its failed step, which the journal already contains.
  const short = cutMiddle(text, REJECTED_CHARACTERS);
  turn.refusals.push(short);
  return { kind: 'passed', why: { model: name, cause, retriable, text: short } };
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
