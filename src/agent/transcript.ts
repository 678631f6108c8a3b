/**
 * A task's conversation with its models. Each part is rendered once, so that a turn costs no more after a thousand
 * steps than after ten: only parts that must be shortened are rendered again.
 */
import type { ChatMessage } from '../ports/model.js';
import type { ToolDefinition } from '../ports/tools.js';
import type { LoopTask } from './loop-contract.js';
import {
  callId,
  droppedText,
  longestText,
  observationText,
  resultText,
  stepCall,
  stepText,
  systemText,
  taskText,
  turnTexts,
  type RejectedReply,
} from './prompt-text.js';
import { createRepetitionCounter } from './repetition.js';
import type { TakenStep } from './taken-step.js';
import { charactersFor, estimateBytes, estimateMessage, estimateTokens } from './tokens.js';

/** What happened in this turn so far. It is not part of later prompts. */
export interface ThisTurn {
  /** Why earlier models of the chain were skipped. */
  readonly notes: readonly string[];
  /** Replies that could not be used. */
  readonly rejected: readonly RejectedReply[];
  /** What is left of the task. It ends the last message. Absent: it is not said. */
  readonly left?: string;
}

export interface Transcript {
  /** All steps in order, those of add() included. */
  readonly steps: readonly TakenStep[];
  add(step: TakenStep): void;
  /** How often the last step's call was repeated with nothing new in between (repetition.ts); 0 without steps. */
  repetitions(): number;
  /**
   * The conversation, shortened to at most limitTokens (estimated). What the model needs most is cut last: first the
   * middle of old outputs, then of old arguments and thoughts, from the oldest step on; then of the results of other
   * tasks and of the newest call's arguments and thought; then whole steps, from the oldest on. Only when nothing older
   * is left the middle of the newest output goes. The agent's prompt and the task's text are never shortened. The
   * conversation depends only on the task, the tools, the steps and this turn, so that another worker builds the same
   * one.
   * What this turn adds is at its end: where nothing is cut, it begins with the messages of the conversation before it.
   */
  prompt(turn: ThisTurn, limitTokens: number): readonly ChatMessage[];
}

interface Piece {
  readonly message: ChatMessage;
  readonly tokens: number;
}

/** The order of the pieces: the system's, the task's, then two for each step. */
const TASK = 1;
const callOf = (step: number): number => 2 + 2 * step;
const observationOf = (step: number): number => 3 + 2 * step;

/** A shortened part keeps at least this much. */
const KEPT_CHARACTERS = 300;
/** The note about missing text takes space too. */
const NOTE_CHARACTERS = 60;

export function createTranscript(
  task: LoopTask,
  tools: readonly ToolDefinition[],
  history: readonly TakenStep[],
): Transcript {
  const conversation = startConversation(task, tools);
  const countRepetition = createRepetitionCounter();
  const add = (step: TakenStep): void => addStep(conversation, step, countRepetition(step));
  for (const step of history) add(step);
  return {
    steps: conversation.steps,
    add,
    repetitions: () => conversation.repetitions.at(-1) ?? 0,
    prompt: (turn, limitTokens) => promptOf(conversation, turn, limitTokens),
  };
}

interface Conversation {
  readonly task: LoopTask;
  readonly steps: TakenStep[];
  /** For each step, see repetition.ts. */
  readonly repetitions: number[];
  /** Steps with a part that may be shortened, and its length in characters. */
  readonly longObservations: Map<number, number>;
  readonly longCalls: Map<number, number>;
  /** Lengths in characters of the results of other tasks. */
  readonly resultLengths: readonly number[];
  /** The unshortened conversation. */
  readonly whole: Piece[];
  wholeTokens: number;
}

function startConversation(task: LoopTask, tools: readonly ToolDefinition[]): Conversation {
  const resultLengths = task.assignment.inputs.map((input) => resultText(input).length);
  const whole = [
    pieceOf({ role: 'system', content: systemText(task, tools) }),
    pieceOf({ role: 'user', content: taskText(task, resultLengths) }),
  ];
  return {
    task,
    steps: [],
    repetitions: [],
    longObservations: new Map(),
    longCalls: new Map(),
    resultLengths,
    whole,
    wholeTokens: whole.reduce((sum, { tokens }) => sum + tokens, 0),
  };
}

function addStep(conversation: Conversation, step: TakenStep, repetitions: number): void {
  const index = conversation.steps.push(step) - 1;
  conversation.repetitions.push(repetitions);
  const observed = step.observation.length;
  const said = longestText(step);
  if (observed > KEPT_CHARACTERS) conversation.longObservations.set(index, observed);
  if (said > KEPT_CHARACTERS) conversation.longCalls.set(index, said);
  for (const message of [callMessage(step, Infinity), answerMessage(conversation, index, Infinity)]) {
    const piece = pieceOf(message);
    conversation.whole.push(piece);
    conversation.wholeTokens += piece.tokens;
  }
}

function promptOf(conversation: Conversation, turn: ThisTurn, limitTokens: number): readonly ChatMessage[] {
  const { whole, wholeTokens } = conversation;
  const { note, exchange } = turnTexts(conversation.task.boundary, turn);
  const pieces = [...whole];
  let total = wholeTokens + estimateTokens(exchange);
  const put: Put = (index, message) => {
    const before = pieces[index];
    if (before === undefined) throw new RangeError(`a prompt of ${pieces.length} pieces has none at ${index}`);
    const piece = pieceOf(index === whole.length - 1 ? { ...message, content: message.content + note } : message);
    total += piece.tokens - before.tokens;
    pieces[index] = piece;
  };
  const last = whole.at(-1);
  if (note !== '' && last) put(whole.length - 1, last.message);
  for (const shorten of shorteningsInOrder(conversation, put)) {
    if (total <= limitTokens) break;
    shorten(charactersFor(total - limitTokens));
  }
  const asked = pieces[TASK]?.message.content ?? '';
  const dropped = total <= limitTokens ? 0 : dropSteps(pieces, asked, total - limitTokens);
  if (dropped > 0) put(TASK, { role: 'user', content: asked + droppedText(dropped) });
  for (const gone of pieces.slice(callOf(0), callOf(dropped))) total -= gone.tokens;
  if (total > limitTokens) shortenNewest(conversation, put, charactersFor(total - limitTokens));
  return [...pieces.slice(0, callOf(0)), ...pieces.slice(callOf(dropped))]
    .map(({ message }) => message)
    .concat(exchange);
}

type Put = (index: number, message: ChatMessage) => void;

/** The parts that may be shortened, in order. Each is a function of the number of characters to remove. */
function* shorteningsInOrder(conversation: Conversation, put: Put): Generator<(characters: number) => void> {
  const { task, steps, longObservations, longCalls, resultLengths } = conversation;
  const newest = steps.length - 1;
  const shortenCall = (index: number, length: number) => (characters: number) =>
    put(callOf(index), callMessage(stepAt(conversation, index), shorter(length, characters)));
  for (const [index, length] of longObservations)
    if (index < newest)
      yield (characters) => {
        put(observationOf(index), answerMessage(conversation, index, shorter(length, characters)));
      };
  for (const [index, length] of longCalls) if (index < newest) yield shortenCall(index, length);
  const results = [...resultLengths];
  for (const [index, length] of resultLengths.entries()) {
    if (length <= KEPT_CHARACTERS) continue;
    yield (characters) => {
      results[index] = shorter(length, characters);
      put(TASK, { role: 'user', content: taskText(task, results) });
    };
  }
  const said = longCalls.get(newest);
  if (said !== undefined) yield shortenCall(newest, said);
}

function shortenNewest(conversation: Conversation, put: Put, characters: number): void {
  const newest = conversation.steps.length - 1;
  const length = conversation.longObservations.get(newest);
  if (length === undefined) return;
  put(observationOf(newest), answerMessage(conversation, newest, shorter(length, characters)));
}

function callMessage(step: TakenStep, keep: number): ChatMessage {
  return { role: 'assistant', content: stepText(step, keep), call: stepCall(step, keep) };
}

function answerMessage(conversation: Conversation, index: number, keep: number): ChatMessage {
  const step = stepAt(conversation, index);
  const { boundary } = conversation.task;
  const content = observationText(boundary, step, conversation.repetitions[index] ?? 0, keep);
  return { role: 'user', content, answers: callId(step) };
}

function stepAt({ steps }: Conversation, index: number): TakenStep {
  const step = steps[index];
  if (step === undefined) throw new RangeError(`a transcript of ${steps.length} steps has none at ${index}`);
  return step;
}

const shorter = (length: number, byCharacters: number): number =>
  Math.max(KEPT_CHARACTERS, length - byCharacters - NOTE_CHARACTERS);

/** How many of the oldest steps to drop. The newest stays: without it the model would decide the same again. */
function dropSteps(pieces: readonly Piece[], text: string, excessTokens: number): number {
  const last = pieces.length / 2 - 2;
  const bytes = Buffer.byteLength(text);
  let gone = 0;
  for (let dropped = 1; dropped <= last; dropped += 1) {
    gone += (pieces[callOf(dropped - 1)]?.tokens ?? 0) + (pieces[observationOf(dropped - 1)]?.tokens ?? 0);
    if (gone < excessTokens) continue;
    const note = estimateBytes(bytes + Buffer.byteLength(droppedText(dropped))) - estimateBytes(bytes);
    if (gone - note >= excessTokens) return dropped;
  }
  return Math.max(0, last);
}

function pieceOf(message: ChatMessage): Piece {
  return { message, tokens: estimateMessage(message.content) };
}
