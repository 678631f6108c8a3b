import { createEventFactory } from '../domain/event-factory.js';
import { letterFields } from '../domain/letters.js';
import type { ClientContext } from './context.js';
import { deadLetterOf, type DeadLetter } from './dead-letter.js';
import type { LetterBox } from './letter-box.js';
import { requireFree, requireTaken } from './letter-handling.js';

export interface DiscardOptions {
  /** Recorded in the event log. */
  readonly reason: string;
  /** Also a letter that another process has started to redrive and has not finished. Default false. */
  readonly takeOver?: boolean;
  /** After each letter, in their order. Default none. */
  readonly onDiscarded?: (letter: DeadLetter) => void;
}

/**
 * Marks letters as handled. Throws ClientError before anything is written when an id is unknown or its letter is not
 * free; and when another operator is faster, who has handled which.
 */
export async function discardLetters(
  context: ClientContext,
  box: LetterBox,
  ids: readonly string[],
  { reason, takeOver = false, onDiscarded }: DiscardOptions,
): Promise<readonly DeadLetter[]> {
  const letters = box.requireAll(ids);
  for (const letter of letters) requireFree(letter, takeOver);
  const { requester } = context;
  const discarded: DeadLetter[] = [];
  for (const letter of letters) {
    const payload = { ...letterFields(letter), discarded_by: requester, reason, taken_over: takeOver, signed: null };
    const event = createEventFactory(context)({ type: 'dead_letter_discarded', from: requester, payload });
    const folded = await box.append(letter, event);
    // Another operator was faster: the error says who, and when.
    requireTaken(box.require(letter.id), folded);
    const now = deadLetterOf(box.require(letter.id));
    discarded.push(now);
    onDiscarded?.(now);
  }
  return discarded;
}
