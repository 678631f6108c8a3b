/**
 * A task's conversation with its models. What was said is rendered once, so that a turn costs no more after a thousand
 * steps than after ten: only what has to be cut for lack of room is made anew.
 */
import type { ChatMessage } from '../ports/model.js';
import type { ToolDefinition } from '../ports/tools.js';
import type { LoopTask } from './loop-contract.js';
import {
  droppedText,
  longestText,
  noteText,
  observationText,
  rejectedMessages,
  resultText,
  stepText,
  systemText,
  taskText,
  type RejectedReply,
} from './prompt-text.js';
import { createRepetitionCounter } from './repetition.js';
import type { TakenStep } from './taken-step.js';
import { charactersFor, estimateBytes, estimateMessage, estimateTokens } from './tokens.js';

/** What happened in this turn so far: it is forgotten once a step was decided. */
export interface ThisTurn {
  /** Why models before this one were passed over. */
  readonly notes: readonly string[];
  /** Replies that could not be used. */
  readonly rejected: readonly RejectedReply[];
}

export interface Transcript {
  /** In order; grows with add. */
  readonly steps: readonly TakenStep[];
  add(step: TakenStep): void;
  /** How often the last step's call was made with the same outcome and nothing new in between (see repetition.ts); 0 without steps. */
  repetitions(): number;
  /**
   * The conversation, cut to at most limitTokens (estimated): first the middle of outputs, from the oldest step to the
   * newest, then the long arguments of old steps, then the results of other tasks, then whole steps from the oldest.
   * What the agent is and what the task asks is never cut. Nothing but the task, the tools, the steps and this turn goes
   * into it, so that another worker makes the same one.
   */
  prompt(turn: ThisTurn, limitTokens: number): readonly ChatMessage[];
}

interface Piece {
  readonly message: ChatMessage;
  readonly tokens: number;
}

/** Where pieces stand: the system's, the task's, then two of each step. */
const TASK = 1;
const callOf = (step: number): number => 2 + 2 * step;
const observationOf = (step: number): number => 3 + 2 * step;

/** A part that was cut still shows this much. */
const KEPT_CHARACTERS = 300;
/** The remark that something is missing takes room as well. */
const REMARK_CHARACTERS = 60;

export function createTranscript(
  task: LoopTask,
  tools: readonly ToolDefinition[],
  history: readonly TakenStep[],
): Transcript {
  const steps: TakenStep[] = [];
  /** Of each step. */
  const times: number[] = [];
  /** Steps with something that may be cut short, and how long it is. */
  const longObservations = new Map<number, number>();
  const longArguments = new Map<number, number>();
  const countRepetition = createRepetitionCounter();
  const uncutResults = task.assignment.inputs.map((input) => resultText(input).length);
  const whole: Piece[] = [pieceOf('system', systemText(task, tools)), pieceOf('user', taskText(task, uncutResults))];
  let wholeTokens = whole.reduce((sum, { tokens }) => sum + tokens, 0);

  function add(step: TakenStep): void {
    steps.push(step);
    const repeated = countRepetition(step);
    times.push(repeated);
    const [observed, said] = [step.observation.length, longestText(step)];
    if (observed > KEPT_CHARACTERS) longObservations.set(steps.length - 1, observed);
    if (said > KEPT_CHARACTERS) longArguments.set(steps.length - 1, said);
    for (const piece of [
      pieceOf('assistant', stepText(step, Infinity)),
      pieceOf('user', observationText(step, repeated, Infinity)),
    ]) {
      whole.push(piece);
      wholeTokens += piece.tokens;
    }
  }

  function stepAt(index: number): TakenStep {
    const step = steps[index];
    if (step === undefined) throw new RangeError(`a transcript of ${steps.length} steps has none at ${index}`);
    return step;
  }

  function prompt({ notes, rejected }: ThisTurn, limitTokens: number): readonly ChatMessage[] {
    const exchange = rejected.flatMap(rejectedMessages);
    const pieces = [...whole];
    let total = wholeTokens + estimateTokens(exchange);
    const note = notes.length === 0 ? '' : `\n\n${noteText(notes)}`;
    const put = (index: number, content: string) => {
      const before = pieces[index];
      if (before === undefined) throw new RangeError(`a prompt of ${pieces.length} pieces has none at ${index}`);
      const piece = pieceOf(before.message.role, index === whole.length - 1 ? content + note : content);
      total += piece.tokens - before.tokens;
      pieces[index] = piece;
    };
    if (note !== '') put(whole.length - 1, whole.at(-1)?.message.content ?? '');
    const results = [...uncutResults];
    for (const cut of cutsInOrder(results, put)) {
      if (total <= limitTokens) break;
      cut(charactersFor(total - limitTokens));
    }
    const asked = pieces[TASK]?.message.content ?? '';
    const dropped = total <= limitTokens ? 0 : dropSteps(pieces, asked, total - limitTokens);
    if (dropped > 0) put(TASK, asked + droppedText(dropped));
    return [...pieces.slice(0, callOf(0)), ...pieces.slice(callOf(dropped))]
      .map(({ message }) => message)
      .concat(exchange);
  }

  /** What may be cut short, each by a number of characters, in the order in which it goes. */
  function* cutsInOrder(
    results: number[],
    put: (index: number, content: string) => void,
  ): Generator<(characters: number) => void> {
    for (const [index, length] of longObservations)
      yield (characters) =>
        put(observationOf(index), observationText(stepAt(index), times[index] ?? 0, shorter(length, characters)));
    for (const [index, length] of longArguments)
      yield (characters) => put(callOf(index), stepText(stepAt(index), shorter(length, characters)));
    for (const [index, length] of results.entries()) {
      if (length <= KEPT_CHARACTERS) continue;
      yield (characters) => {
        results[index] = shorter(length, characters);
        put(TASK, taskText(task, results));
      };
    }
  }

  for (const step of history) add(step);
  return { steps, add, repetitions: () => times.at(-1) ?? 0, prompt };
}

const shorter = (length: number, byCharacters: number): number =>
  Math.max(KEPT_CHARACTERS, length - byCharacters - REMARK_CHARACTERS);

/** How many of the oldest steps must go. The newest stays: without it the model would decide the same again. */
function dropSteps(pieces: readonly Piece[], text: string, excessTokens: number): number {
  const last = pieces.length / 2 - 2;
  const bytes = Buffer.byteLength(text);
  let gone = 0;
  for (let dropped = 1; dropped <= last; dropped += 1) {
    gone += (pieces[callOf(dropped - 1)]?.tokens ?? 0) + (pieces[observationOf(dropped - 1)]?.tokens ?? 0);
    if (gone < excessTokens) continue;
    const remark = estimateBytes(bytes + Buffer.byteLength(droppedText(dropped))) - estimateBytes(bytes);
    if (gone - remark >= excessTokens) return dropped;
  }
  return Math.max(0, last);
}

function pieceOf(role: ChatMessage['role'], content: string): Piece {
  return { message: { role, content }, tokens: estimateMessage(content) };
}
