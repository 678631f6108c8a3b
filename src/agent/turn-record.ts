/** What is journaled of a turn (`turn` of tool_called): what its prompt depended on beside the task and its steps. */
import { createHash } from 'node:crypto';
import type { ChatMessage, ReplyForm } from '../ports/model.js';
import { REJECTED_CHARACTERS, type RejectedReply } from './prompt-text.js';
import { cutMiddle } from './tokens.js';

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
  readonly messages: readonly ChatMessage[];
}

/** The JSON text of the field. Its keys are documented in schemas/tool-called.avsc; empty ones are left out. */
export function turnRecord(facts: TurnFacts): string {
  const prompt = facts.messages.map(({ role, content }) => `${role}: ${content}`).join('\n\n');
  const short = (text: string) => cutMiddle(text, REJECTED_CHARACTERS);
  return JSON.stringify({
    ...(facts.form === undefined ? {} : { form: facts.form }),
    ...(facts.tokenLimit === null ? {} : { token_limit: facts.tokenLimit }),
    max_output_tokens: facts.maxOutputTokens,
    ...(facts.failovers.length === 0 ? {} : { failovers: facts.failovers.map(short) }),
    ...(facts.rejected.length === 0
      ? {}
      : { rejected: facts.rejected.map(({ text, reason }) => ({ text: short(text), reason: short(reason) })) }),
    ...(facts.notRun.length === 0 ? {} : { not_run: facts.notRun }),
    digest: createHash('sha256').update(prompt).digest('hex'),
    length: prompt.length,
  });
}
