import { PLAYBOOK_MODEL } from '../domain/agent-spec.js';
import { z } from 'zod';
import type { Playbook } from '../domain/agent-spec.js';
import { COMMAND_TOOL } from '../ports/tools.js';
import {
  ModelError,
  type ChatModel,
  type ChatReply,
  type ChatRequest,
  type PastStep,
  type TaskNeeds,
  type TokenCost,
} from '../ports/model.js';

const FINISH_TOOL = 'finish';
const NOTHING: TokenCost = { tokens: 0, usd: 0 };

/**
 * A model without an LLM: answers each turn with the next step of the playbook that the task names.
 *
 * Its position is folded from the turn's steps alone, so that any worker can continue after a crash. It recognises its
 * own steps by the model name in them and by their order, never by searching for a command, so a playbook may contain
 * the same command twice. It ignores steps of other models before its own first step. If another model has acted after
 * that, it gave up at that point and gives up again: the workspace may no longer be what its next step expects.
 */
export function createPlaybookModel(): ChatModel {
  return {
    name: PLAYBOOK_MODEL,
    free: true,
    probe: async () => ({ usable: true }),
    needs: (playbook) => (playbook === null ? null : needsOf(playbook)),
    worstCase: () => NOTHING,
    async chat(request: ChatRequest, signal: AbortSignal): Promise<ChatReply> {
      signal.throwIfAborted();
      if (request.turn === null) throw gaveUp('the playbook model only runs tasks; it cannot plan');
      const { task, playbook, steps } = request.turn;
      if (playbook === null) throw gaveUp(`task ${task.task_id} names no playbook, and the playbook model needs one`);
      return replyOf(playbook, nextMove(playbook, steps));
    },
  };
}

/** For a command of a playbook and its `unless`. */
const SECONDS_A_STEP = 30;

function needsOf({ steps }: Playbook): TaskNeeds {
  const calls = steps.reduce((sum, { unless }) => sum + (unless === null ? 1 : 2), 0);
  return { steps: calls + 1, seconds: steps.length * SECONDS_A_STEP };
}

/** What the playbook does next. */
type Move =
  | { readonly kind: 'ask'; readonly index: number }
  | { readonly kind: 'run'; readonly index: number }
  | { readonly kind: 'finish'; readonly done: readonly string[]; readonly skipped: readonly string[] };

/** The position in the playbook: the step's index, whether its `unless` ran and failed, and the steps before it. */
interface Position {
  readonly index: number;
  readonly asked: boolean;
  readonly done: readonly string[];
  readonly skipped: readonly string[];
}

/** Folds the past steps into the next move. Throws a ModelError of code gave_up if the playbook cannot continue. */
function nextMove(playbook: Playbook, steps: readonly PastStep[]): Move {
  let position: Position = { index: 0, asked: false, done: [], skipped: [] };
  for (const step of ownSteps(steps)) position = after(playbook, position, step);
  return moveAt(playbook, position);
}

function ownSteps(steps: readonly PastStep[]): readonly PastStep[] {
  const first = steps.findIndex((step) => step.model === PLAYBOOK_MODEL);
  if (first < 0) return [];
  const since = steps.slice(first);
  const foreign = since.find((step) => step.model !== PLAYBOOK_MODEL);
  if (foreign !== undefined)
    throw gaveUp(`${foreign.model} took over from the playbook at step ${foreign.step}; the playbook does not resume`);
  return since;
}

function moveAt(playbook: Playbook, { index, asked, done, skipped }: Position): Move {
  const step = playbook.steps[index];
  if (step === undefined) return { kind: 'finish', done, skipped };
  return { kind: step.unless !== null && !asked ? 'ask' : 'run', index };
}

/** The position after one past step. */
function after(playbook: Playbook, position: Position, past: PastStep): Position {
  const move = moveAt(playbook, position);
  if (!isMove(playbook, move, past)) {
    throw gaveUp(
      `step ${past.step} does not match playbook ${playbook.name}; was the playbook changed while the task ran?`,
    );
  }
  if (past.outcome === 'refused')
    throw gaveUp(`step ${past.step} (${nameOf(playbook, move)}) was refused: ${past.observation}`);
  switch (move.kind) {
    case 'finish':
      return afterFinish(position, past);
    case 'ask':
      return afterUnless(playbook, position, past);
    case 'run':
      return afterCommand(playbook, position, past);
  }
}

/** Checks change nothing, so an interrupted finish is simply repeated. */
function afterFinish(position: Position, past: PastStep): Position {
  if (past.outcome === 'error')
    throw gaveUp(`every step of the playbook is done and the checks still fail: ${past.observation}`);
  return position;
}

function afterUnless(playbook: Playbook, position: Position, past: PastStep): Position {
  const step = stepAt(playbook, position);
  // How it ended is unknown, and `unless` commands are idempotent: run it again.
  if (past.outcome === 'unknown' || past.outcome === 'aborted') return position;
  if (past.outcome === 'ok')
    return { ...position, index: position.index + 1, asked: false, skipped: [...position.skipped, step.name] };
  if (past.exitCode === null) throw gaveUp(`\`unless\` of step "${step.name}" could not be run: ${past.observation}`);
  return { ...position, asked: true };
}

function afterCommand(playbook: Playbook, position: Position, past: PastStep): Position {
  const step = stepAt(playbook, position);
  if (past.outcome === 'ok')
    return { ...position, index: position.index + 1, asked: false, done: [...position.done, step.name] };
  if (past.outcome === 'error') {
    const code = past.exitCode === null ? '' : ` with exit code ${past.exitCode}`;
    throw gaveUp(`step "${step.name}" failed${code}: ${complaintOf(past.observation)}`);
  }
  if (step.unless === null)
    throw gaveUp(`step "${step.name}" may have run, and it has no \`unless\` command to check that`);
  return { ...position, asked: false };
}

const commandOutcome = z.object({ stdout: z.string(), stderr: z.string(), note: z.string().optional() });

/** What a failed command said, without its text: the step's name says which it was, and playbooks have long ones. */
function complaintOf(observation: string): string {
  const outcome = commandOutcome.safeParse(parsed(observation));
  if (!outcome.success) return observation;
  const { stdout, stderr, note = '' } = outcome.data;
  const said = [note, stderr.trim() === '' ? stdout.trim() : stderr.trim()].filter((text) => text !== '');
  return said.length === 0 ? 'it printed nothing' : said.join('; ');
}

/** null for what is no JSON, such as why no command ran. */
function parsed(observation: string): unknown {
  try {
    return JSON.parse(observation);
  } catch {
    return null;
  }
}

function isMove(playbook: Playbook, move: Move, past: PastStep): boolean {
  if (move.kind === 'finish') return past.tool === FINISH_TOOL;
  const command = commandOf(playbook, move);
  return past.tool === COMMAND_TOOL && past.arguments['command'] === command;
}

function commandOf(playbook: Playbook, move: Move): string | null {
  if (move.kind === 'finish') return null;
  const step = stepAt(playbook, move);
  return move.kind === 'ask' ? step.unless : step.command;
}

function nameOf(playbook: Playbook, move: Move): string {
  return move.kind === 'finish' ? FINISH_TOOL : stepAt(playbook, move).name;
}

function stepAt(playbook: Playbook, { index }: { readonly index: number }): Playbook['steps'][number] {
  const step = playbook.steps[index];
  if (step === undefined) throw new RangeError(`playbook ${playbook.name} has no step ${index}`);
  return step;
}

function replyOf(playbook: Playbook, move: Move): ChatReply {
  const said = { tokensIn: 0, tokensOut: 0, costUsd: 0, promptTruncated: false };
  if (move.kind === 'finish') return { ...said, text: JSON.stringify(finishOf(playbook, move)) };
  const position = `step ${move.index + 1} of ${playbook.steps.length}`;
  const place = `${position} of playbook ${playbook.name}: ${nameOf(playbook, move)}`;
  const thought = move.kind === 'ask' ? `${place} (is it already done?)` : place;
  const text = JSON.stringify({ thought, tool: COMMAND_TOOL, arguments: { command: commandOf(playbook, move) } });
  return move.kind === 'ask' ? { ...said, text, idempotent: true } : { ...said, text };
}

function finishOf(
  playbook: Playbook,
  { done, skipped }: { readonly done: readonly string[]; readonly skipped: readonly string[] },
): object {
  const parts = [
    done.length > 0 ? `did ${done.join(', ')}` : 'had nothing to do',
    ...(skipped.length > 0 ? [`skipped because already done: ${skipped.join(', ')}`] : []),
  ];
  return {
    thought: `every step of playbook ${playbook.name} is done`,
    finish: { summary: `Playbook ${playbook.name} ${parts.join('; ')}.`, outputs: { playbook: playbook.name } },
  };
}

function gaveUp(message: string): ModelError {
  return new ModelError('gave_up', message);
}
