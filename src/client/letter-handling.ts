/** Whether a dead letter may be handled now, and what happened to it, in words. */
import type { LetterState } from '../domain/letters.js';
import type { Folded } from '../domain/record.js';
import { ClientError } from './client-error.js';
import type { Letter } from './letter-box.js';
import { requestVoid } from './verdict.js';

/** Why a letter may not be handled now. */
interface Handled {
  /** Behind "dead letter ID": who, and when. */
  readonly why: string;
  readonly nextStep: string;
}

/** Throws ClientError, naming who and when, unless the letter may be handled now. */
export function requireFree(letter: Letter, takeOver: boolean): void {
  const handled = handledBy(letter, takeOver);
  if (handled !== null)
    throw new ClientError('letter_handled', `dead letter ${letter.id} ${handled.why}`, handled.nextStep);
}

/** Throws ClientError (request_void) where what was written about a letter is void for its signature. */
export function requireCounts(id: string, folded: Folded): void {
  if (folded.kind === 'applied' || folded.code === undefined) return;
  throw requestVoid(folded.code, `what was written about dead letter ${id} does not count: ${folded.reason}`);
}

/** The same, and throws ClientError (letter_handled) where another operator was faster. */
export function requireTaken(letter: Letter, folded: Folded): void {
  requireCounts(letter.id, folded);
  if (folded.kind === 'void') requireFree(letter, false);
}

/** Who handles the letter, or has handled it, and what may be done about that; null when it may be handled now. */
export function handledBy({ id, state }: Letter, takeOver: boolean): Handled | null {
  if (state.kind === 'waiting' || (state.kind === 'redriving' && takeOver)) return null;
  const nextStep =
    state.kind === 'redriving'
      ? 'If that process has ended before it was done: the same command with --take-over.'
      : `ravenhelm dead-letters show ${id} tells more.`;
  return { why: stateText(state), nextStep };
}

/** What happened to a letter, with who and when. */
export function stateText(state: LetterState): string {
  const byAndWhen = state.kind === 'waiting' ? '' : ` by ${state.by} at ${new Date(state.atMs).toISOString()}`;
  switch (state.kind) {
    case 'waiting':
      return 'waits';
    case 'redriving':
      return `is being redriven${byAndWhen}`;
    case 'redriven': {
      const { how, target_topic, target_partition, target_offset } = state.redriven;
      const where = `${target_topic}[${target_partition}]@${target_offset}`;
      const what = how === 'new_attempt' ? 'a new attempt was asked for at' : 'written to';
      return `was redriven${byAndWhen}: ${what} ${where}`;
    }
    case 'discarded':
      return `was discarded${byAndWhen}: ${state.reason}`;
  }
}
