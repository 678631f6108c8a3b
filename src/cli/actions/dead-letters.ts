import { withClient } from '../client-session.js';
import type { CommandContext } from '../context.js';
import { EXIT, type ExitCode } from '../exit-codes.js';
import { asLetterHandler, asReader } from '../operators-setting.js';
import { lettersTable, letterText } from '../letter-text.js';

/** What waits, newest last; with all also what was handled. */
export async function listLetters(given: CommandContext, all: boolean): Promise<ExitCode> {
  const context = await asReader(given);
  return withClient(context, async ({ client }) => {
    const every = await client.deadLetters.list({ all: true });
    const letters = every.filter(({ state }) => all || state === 'waiting' || state === 'redriving');
    if (context.json) context.print(letters);
    else if (letters.length > 0) context.host.stdout.write(lettersTable(letters));
    else
      context.say(
        every.length === 0 ? 'no dead letters' : `no dead letter waits; --all shows ${every.length} that were handled`,
      );
    return EXIT.done;
  });
}

/** Everything about one letter. */
export async function showLetter(given: CommandContext, id: string): Promise<ExitCode> {
  const context = await asReader(given);
  return withClient(context, async ({ client }) => {
    const letter = await client.deadLetters.get(id);
    if (context.json) context.print(letter);
    else context.host.stdout.write(letterText(letter));
    return EXIT.done;
  });
}

export interface DiscardFlags {
  readonly ids: readonly string[];
  readonly reason: string;
  readonly takeOver: boolean;
}

/** Marks letters as handled. Nothing is marked unless every id is known and free. */
export async function discardLetters(given: CommandContext, { ids, ...options }: DiscardFlags): Promise<ExitCode> {
  const context = await asLetterHandler(given);
  return withClient(context, async ({ client }) => {
    const letters = await client.deadLetters.discard(ids, {
      ...options,
      onDiscarded({ id }) {
        if (!context.json) context.say(`discarded: ${id}`);
      },
    });
    if (context.json) context.print(letters);
    return EXIT.done;
  });
}
