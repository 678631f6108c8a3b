import { addCost, isLimited, NOTHING } from '../domain/budget.js';
import type { TokenCost } from '../ports/model.js';
import { replyRoom, reservation, worstTurn } from './ask-model.js';
import type { Loop } from './loop-state.js';
import { REJECTED_CHARACTERS } from './prompt-text.js';
import type { Step } from './step.js';

/** What to reserve for the turn after a step; nothing if no turn can follow. */
export function reserveNext(loop: Loop, step: Step, used: TokenCost): TokenCost {
  if (loop.transcript.steps.length + 1 >= loop.task.agent.maxSteps) return NOTHING;
  return reservation(worstNextTurn(loop, [step]), loop.share, addCost(loop.spent, used));
}

/** The largest observation: head and tail of 16 KiB, and the text around them. */
const LARGEST_OBSERVATION = 17 * 1024;
/** Bytes of a rejected reply, its reason, or the notes about other models (three per character), with text around. */
const REJECTED = 3 * REJECTED_CHARACTERS + 400;
/** Punctuation: no text of the same number of bytes has more tokens. */
const DENSE = '"';

/**
 * Upper bound of the turn after these steps, which are not performed yet: the full prompt, the largest outcome and
 * two rejected replies before the third, for each model from the chain's current one on. Without a budget nothing is
 * reserved, and free models need no bound; the large prompt is not built for them.
 */
export function worstNextTurn(loop: Loop, pending: readonly Step[]): TokenCost {
  const { effects, transcript } = loop;
  const paid = effects.chain.slice(loop.chainIndex).filter((model) => model.free !== true);
  if (!isLimited(loop.share) || paid.length === 0) return NOTHING;
  const whole = transcript.prompt({ notes: [], rejected: [] }, Infinity);
  const text = (role: 'assistant' | 'user', length: number) => ({ role, content: DENSE.repeat(length) });
  const coming = pending.flatMap((step) => [
    { role: 'assistant' as const, content: JSON.stringify(step) },
    text('user', LARGEST_OBSERVATION),
  ]);
  const rejected = [text('assistant', REJECTED), text('user', REJECTED)];
  const exchange = [text('user', REJECTED), ...rejected, ...rejected];
  const messages = [...whole, ...coming, ...exchange];
  const { maxOutputTokens } = loop.limits;
  return worstTurn(paid, (model, more) => ({
    messages,
    schema: loop.schema.jsonSchema,
    tools: loop.schema.tools,
    maxOutputTokens: replyRoom(model, maxOutputTokens, more),
    turn: null,
  }));
}
