import { addCost, left, NOTHING, type Limits } from '../domain/budget.js';
import type { Clock } from '../ports/clock.js';
import type { RecordTooLarge } from '../ports/log.js';
import { ModelError, type ChatModel, type ChatReply, type ChatRequest, type TokenCost } from '../ports/model.js';
import {
  askModel,
  replyRoom,
  reservation,
  sendBack,
  startTurn,
  usedIn,
  type Answer,
  type Asked,
  type Turn,
} from './ask-model.js';
import { failoverOf } from './failover.js';
import type { LoopEnd, StepDecision } from './loop-contract.js';
import { FINISH, type PassedWhy, type Step } from './step.js';
import { chainExhausted, finishUnchecked, stuck, timedOut } from './loop-end.js';
import { nextInChain } from './chain-place.js';
import type { Loop } from './loop-state.js';
import { REJECTED_CHARACTERS } from './prompt-text.js';
import { replyReadOf } from './reply-read.js';
import { cutMiddle } from './tokens.js';
import { redactMessages, redactReplies, redactTexts } from './redact.js';
import { turnRecord } from './turn-record.js';
import { reserveNext, worstNextTurn } from './turn-reserve.js';
import { callLimitMs, LEAST_CALL_MS, noStepLeft, setAsideNow } from './turn-time.js';
import { leftText, type WhatsLeft } from './whats-left.js';

/**
 * Repeats an idempotent call whose outcome was lost, without asking a model; null if there is none. A call that was
 * aborted under an earlier owner counts as lost; one that was aborted here has reached its time limit.
 */
export function repeatLostCall(loop: Loop): StepDecision | null {
  const last = loop.transcript.steps.at(-1);
  const fromEarlierOwner = loop.transcript.steps.length === loop.task.history.length;
  const lost = last?.outcome === 'unknown' || (last?.outcome === 'aborted' && fromEarlierOwner);
  if (!last?.idempotent || !lost) return null;
  return {
    thought: last.thought,
    tool: last.tool,
    arguments: last.arguments,
    idempotent: true,
    model: last.model,
    chainIndex: loop.chainIndex,
    refusals: [`step ${last.step} was interrupted (${last.outcome}) and is safe to repeat`],
    tokensIn: 0,
    tokensOut: 0,
    costUsd: 0,
    reserved: reserveNext(loop, last, NOTHING),
    timing: null,
    repairs: [],
    notRun: [],
    turn: null,
  };
}

/** One turn: asks the models in order, from the chain's current one on, until one gives a step. */
export async function takeTurn(loop: Loop): Promise<StepDecision | LoopEnd> {
  const { chain } = loop.effects;
  const turn = loop.turn ?? startTurn(await allowanceOf(loop));
  const { skipped } = turn;
  loop.turn = turn;
  const repeating = stuck(loop);
  if (repeating) moveOn(loop, turn, repeating);
  for (; loop.chainIndex < chain.length; loop.chainIndex += 1) {
    const model = chain[loop.chainIndex];
    if (!model) break;
    const without = noStepLeft(loop, model);
    if (without) {
      turn.refusals.push(without.text);
      passOver(loop, turn, model, without);
      continue;
    }
    const notes = skipped.map((why) => why.text);
    const deadline = startDeadline(loop, model, turn);
    try {
      const answer = await askModel(
        {
          model,
          request: (asked) => requestFor(loop, model, turn, notes, asked),
          read: loop.schema.read,
          chat: redactReplies(deadline.chat, loop.redact),
          onReading: (reading) => loop.effects.replyRead?.(replyReadOf(model, reading)),
        },
        turn,
      );
      if (answer.kind === 'answered') return decisionOf(loop, model, turn, answer, notes);
      passOver(loop, turn, model, answer.why);
    } catch (error) {
      if (!(error instanceof DeadlinePassed)) throw error;
      return timedOut(loop, { turn, text: error.message, model: error.model });
    }
  }
  return chainExhausted(loop, turn, skipped);
}

/** A model that repeats itself without progress leaves the task to the next one. */
function moveOn(loop: Loop, turn: Turn, why: PassedWhy): void {
  const model = loop.effects.chain[loop.chainIndex];
  if (model === undefined) return;
  turn.refusals.push(why.text);
  passOver(loop, turn, model, why);
  loop.chainIndex += 1;
}

function passOver(loop: Loop, { skipped }: Turn, model: ChatModel, why: PassedWhy): void {
  const { chain, failedOver } = loop.effects;
  skipped.push(why);
  const next = chain[loop.chainIndex + 1];
  if (next) failedOver(failoverOf(model, next.name, why), loop.transcript.steps.length + 1);
  loop.promptScale = 1;
}

/**
 * Sends a step back that the log does not take, because its record would be too large. Nothing of it was done, and the
 * turn continues.
 */
export function sendStepBack(
  loop: Loop,
  { thought, tool, arguments: args }: StepDecision,
  error: RecordTooLarge,
): void {
  const model = loop.effects.chain[loop.chainIndex];
  if (loop.turn === null || model === undefined) throw error;
  const size = error.size === null ? '' : ` (${error.size.bytes} bytes of ${error.size.limitBytes})`;
  const text = cutMiddle(JSON.stringify({ thought, action: { tool, arguments: args } }), REJECTED_CHARACTERS);
  const reason =
    `the step is too large for a record of the log${size}, and nothing of it was done; shorten its arguments, or ` +
    'write a long file in several steps: the first part with mode overwrite, each further one with mode append';
  sendBack(loop.turn, model, text, reason);
}

/** The limits of the turn: what is reserved for it, and at most what is left of the share. */
async function allowanceOf(loop: Loop): Promise<Limits> {
  if (loop.mustReserve) {
    loop.reserved = reservation(worstNextTurn(loop, []), loop.share, loop.spent);
    await loop.effects.reserveTurn(loop.reserved);
    loop.mustReserve = false;
    loop.effects.beforeStep?.(); // read while the reservation was: nothing has been asked yet
  }
  const rest = left(loop.share, loop.spent);
  const { tokens, usd } = loop.reserved ?? { tokens: Infinity, usd: Infinity };
  return {
    tokens: rest.tokens === null ? null : Math.min(rest.tokens, tokens),
    usd: rest.usd === null ? null : Math.min(rest.usd, usd),
  };
}

/** The request with as much of the history as the model takes. */
function requestFor(
  loop: Loop,
  model: ChatModel,
  turn: Turn,
  notes: readonly string[],
  { rejected, ...asked }: Asked,
): ChatRequest {
  const { task, transcript, schema, redact } = loop;
  loop.left = whatsLeft(loop, turn);
  loop.promptLimit = promptLimit(loop, model, asked);
  const texts = { notes, rejected, left: leftText(loop.left) };
  for (;;) {
    const request: ChatRequest = {
      messages: redactMessages(transcript.prompt(texts, loop.promptLimit), redact),
      schema: schema.jsonSchema,
      tools: schema.tools,
      maxOutputTokens: outputLimit(loop, model, asked),
      ...seedOf(task.assignment.attempt),
      turn: { task: task.assignment, playbook: task.playbook, steps: transcript.steps },
    };
    // Models count tokens more strictly than the limit of a prompt does; below the least one the refusal says it.
    if (loop.promptLimit <= LEAST_PROMPT_TOKENS || model.fits?.(request) !== false) return request;
    loop.promptLimit = Math.max(LEAST_PROMPT_TOKENS, Math.floor(loop.promptLimit * CLOSER));
  }
}

/** Below it nothing of a history gives way any more. */
const LEAST_PROMPT_TOKENS = 512;
/** Of the limit of a prompt that the model would refuse. */
const CLOSER = 0.9;

/** A further attempt does not ask the same again: temperature is 0, and with the same seed the same would come. */
function seedOf(attempt: number): Pick<ChatRequest, 'seed'> {
  return attempt === 1 ? {} : { seed: 1_000 + attempt };
}

/** Without what is set aside for a model behind the one that is asked. */
function whatsLeft(loop: Loop, turn: Turn): WhatsLeft {
  const { task, effects, share, spent, transcript } = loop;
  const { tokens } = left(share, addCost(spent, usedIn(turn)));
  const aside = setAsideNow(loop) ?? { steps: 0, ms: 0 };
  return {
    steps: Math.max(0, task.agent.maxSteps - transcript.steps.length - aside.steps),
    seconds: Math.max(0, Math.floor((effects.remainingMs() - aside.ms) / 1000)),
    tokens: tokens === null ? null : Math.max(0, Math.floor(tokens)),
  };
}

const outputLimit = ({ limits }: Loop, model: ChatModel, asked: Pick<Asked, 'moreRoom'>): number =>
  replyRoom(model, limits.maxOutputTokens, asked.moreRoom);

/** The most tokens of the prompt. */
function promptLimit(loop: Loop, model: ChatModel, asked: Pick<Asked, 'moreRoom'>): number {
  const { maxPromptTokens } = loop.limits;
  const room =
    model.contextTokens === undefined
      ? maxPromptTokens
      : Math.min(maxPromptTokens, model.contextTokens - (model.thinkingTokens ?? 0) - outputLimit(loop, model, asked));
  return Math.floor(room * loop.promptScale);
}

class DeadlinePassed extends Error {
  readonly code = 'timeout';
  readonly retriable = true;
  /** @param model the model that was being asked; null: none was */
  constructor(
    message: string,
    readonly model: string | null,
  ) {
    super(message);
  }
}

/** Of the prompt's room, after a model saw only part of one. */
const SHRINK = 0.75;

/**
 * A chat that ends with the task's deadline; then what it may have cost counts as used. While another model follows
 * this one, the call ends earlier (callLimitMs), so that a slow model does not use up the task.
 */
function startDeadline(loop: Loop, model: ChatModel, turn: Turn): { chat(request: ChatRequest): Promise<ChatReply> } {
  const { signal, remainingMs } = loop.effects;
  return {
    async chat(request) {
      const remaining = remainingMs();
      if (remaining <= 0) throw new DeadlinePassed('no time was left to ask a model', null);
      const next = nextInChain(loop.effects.chain, loop.chainIndex, loop.task.playbook);
      const limitMs = callLimitMs(loop, remaining);
      if (next !== undefined && limitMs < LEAST_CALL_MS) throw notAsked(model, next);
      const seconds = Math.round(limitMs / 1000);
      const call = new AbortController();
      const timer = loop.limits.clock.setTimer(limitMs, () =>
        call.abort(new DeadlinePassed(`${model.name} had not replied after ${seconds} s`, model.name)),
      );
      // Not AbortSignal.any: Node never releases such a signal while it has a listener.
      const onAbort = () => call.abort(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const beganMs = loop.limits.clock.monotonicMs();
      try {
        signal.throwIfAborted();
        const reply = await timed(loop.limits.clock, () =>
          model.chat({ ...request, timeLeftMs: limitMs }, call.signal),
        );
        if (reply.promptTruncated) loop.promptScale *= SHRINK;
        return reply;
      } catch (error) {
        signal.throwIfAborted();
        if (!call.signal.aborted) throw error;
        const lost = model.worstCase(request);
        if (next !== undefined) throw tooSlow(model, next, seconds, lost);
        turn.tokensIn += lost.tokens;
        turn.costUsd += lost.usd;
        throw call.signal.reason;
      } finally {
        loop.work.called(model.name, loop.limits.clock.monotonicMs() - beganMs);
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

function tooSlow(model: ChatModel, next: ChatModel, seconds: number, used: TokenCost): ModelError {
  const advice = 'use a faster model, or raise timeout_seconds of the agent or task';
  const reason = `${model.name} had not replied after ${seconds} s`;
  return new ModelError('timeout', `${reason}; the time that is left is for ${next.name}; ${advice}`, { used });
}

const notAsked = ({ name }: ChatModel, next: ChatModel): ModelError =>
  new ModelError('timeout', `${name} was not asked: the time that is left is for ${next.name}`);

/** The reply with its timing; an adapter that measures by itself knows it better, for it sees the tries and tokens. */
async function timed(clock: Clock, chat: () => Promise<ChatReply>): Promise<ChatReply> {
  const startedAtMs = clock.now();
  const beganMs = clock.monotonicMs();
  const reply = await chat();
  const measured = { startedAtMs, firstTokenMs: null, durationMs: clock.monotonicMs() - beganMs };
  return { ...reply, timing: reply.timing ?? measured };
}

function decisionOf(
  loop: Loop,
  model: ChatModel,
  turn: Turn,
  { value: step, reply, reading, asked, request }: Extract<Answer<Step>, { kind: 'answered' }>,
  notes: readonly string[],
): StepDecision {
  const definition = loop.effects.tools.find((tool) => tool.name === step.tool);
  const { repairs, notRun } = reading;
  const decision: StepDecision = {
    ...step,
    thought: loop.redact(step.thought),
    arguments: redactTexts(step.arguments, loop.redact),
    idempotent: reply.idempotent ?? (step.tool === FINISH || definition?.idempotent(step.arguments) === true),
    model: model.name,
    chainIndex: loop.chainIndex,
    refusals: turn.refusals,
    tokensIn: turn.tokensIn,
    tokensOut: turn.tokensOut,
    costUsd: turn.costUsd,
    reserved: reserveNext(loop, step, usedIn(turn)),
    timing: reply.timing ?? null,
    repairs,
    notRun,
    turn: null,
  };
  // The final record of a task has no place for it.
  if (finishUnchecked(loop, decision) !== null) return decision;
  const facts = {
    form: reply.form,
    tokenLimit: loop.promptLimit,
    maxOutputTokens: request.maxOutputTokens,
    failovers: notes,
    rejected: asked.rejected,
    notRun,
    left: loop.left,
    messages: reply.messages ?? request.messages,
  };
  return { ...decision, turn: turnRecord(facts, loop.prompts) };
}
