/** What is journaled of a turn (`turn` of tool_called): what its prompt depended on beside the task and its steps. */
import type { ChatMessage, ReplyForm } from '../ports/model.js';
import { REJECTED_CHARACTERS, type RejectedReply } from './prompt-text.js';
import { digestOf, type PromptJournal } from './prompt-journal.js';
import { cutMiddle } from './tokens.js';
import type { WhatsLeft } from './whats-left.js';

export interface TurnFacts {
  /** How the reply was asked for; absent: the model has one form only. */
  readonly form: ReplyForm | undefined;
  /** The most tokens of the prompt; null: no limit. */
  readonly tokenLimit: number | null;
  readonly maxOutputTokens: number;
  /** Notes of the models that were skipped in this turn. */
  readonly failovers: readonly string[];
  /** The model's replies in this turn that could not be used. */
  readonly rejected: readonly RejectedReply[];
  /** Tools of further calls of the reply, which did not run. */
  readonly notRun: readonly string[];
  /** What the prompt said was left; null: nothing. */
  readonly left: WhatsLeft | null;
  readonly messages: readonly ChatMessage[];
}

/**
 * The JSON text of the field. Its keys are documented in schemas/tool-called.avsc; empty ones are left out.
 * @param prompts records the prompt
 */
export function turnRecord(facts: TurnFacts, prompts: Pick<PromptJournal, 'record'>): string {
  const short = (text: string) => cutMiddle(text, REJECTED_CHARACTERS);
  const failovers = facts.failovers.map(short);
  const rejected = facts.rejected.map(({ text, reason }) => ({ text: short(text), reason: short(reason) }));
  return JSON.stringify({
    ...(facts.form === undefined ? {} : { form: facts.form }),
    ...(facts.tokenLimit === null ? {} : { token_limit: facts.tokenLimit }),
    max_output_tokens: facts.maxOutputTokens,
    ...(failovers.length === 0 ? {} : { failovers }),
    ...(rejected.length === 0 ? {} : { rejected }),
    ...(facts.notRun.length === 0 ? {} : { not_run: facts.notRun }),
    ...(facts.left === null ? {} : { left: facts.left }),
    ...digestOf(facts.messages),
    ...prompts.record(facts.messages, { failovers, rejected }),
  });
}
