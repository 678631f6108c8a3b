import { letterFields } from '../../domain/letters.js';
import { createEventFactory } from '../../domain/event-factory.js';
import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { requester } from '../host.js';
import { openLetterBox, requireFree } from '../letter-box.js';
import { letterDocument, letterSummary, lettersTable, letterText } from '../letter-text.js';

/** What waits, newest last; with all also what was handled. */
export function listLetters(context: CommandContext, all: boolean): Promise<ExitCode> {
  return withClient(context, async (session) => {
    const box = await openLetterBox(context, session);
    const letters = box.all().filter(({ state }) => all || state.kind === 'waiting' || state.kind === 'redriving');
    if (context.json) context.print(letters.map(letterSummary));
    else if (letters.length > 0) context.host.stdout.write(lettersTable(letters));
    else
      context.say(
        all || box.all().length === 0
          ? 'no dead letters'
          : `no dead letter waits; --all shows ${box.all().length} that were handled`,
      );
    return EXIT.done;
  });
}

/** Everything about one letter. */
export function showLetter(context: CommandContext, id: string): Promise<ExitCode> {
  return withClient(context, async (session) => {
    const letter = (await openLetterBox(context, session)).require(id);
    if (context.json) context.print(letterDocument(letter));
    else context.host.stdout.write(letterText(letter));
    return EXIT.done;
  });
}

export interface DiscardOptions {
  readonly ids: readonly string[];
  readonly reason: string;
  readonly takeOver: boolean;
}

/** Marks letters as handled. Nothing is marked unless every id is known and free. */
export function discardLetters(context: CommandContext, { ids, reason, takeOver }: DiscardOptions): Promise<ExitCode> {
  return withClient(context, async (session) => {
    const box = await openLetterBox(context, session);
    const letters = new Map(ids.map((id) => [box.require(id).id, box.require(id)]));
    for (const letter of letters.values()) requireFree(letter, takeOver);
    const discarded_by = requester(context.host);
    for (const letter of letters.values()) {
      const payload = { ...letterFields(letter), discarded_by, reason, taken_over: takeOver };
      const folded = await box.append(
        letter,
        createEventFactory(context.host)({ type: 'dead_letter_discarded', from: discarded_by, payload }),
      );
      // Another operator was faster: the error says who, and when.
      if (folded.kind === 'void') requireFree(box.require(letter.id), false);
      if (!context.json) context.say(`discarded: ${letter.id}`);
    }
    if (context.json) context.print([...letters.keys()].map((id) => letterSummary(box.require(id))));
    return EXIT.done;
  });
}
