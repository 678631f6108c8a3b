import type { EventOf } from '../domain/events.js';
import { createLetters, type Letter as LetterOf, type LetterState } from '../domain/letters.js';
import type { Folded } from '../domain/record.js';
import type { AnyRecord } from '../ports/log.js';
import { wrongUse } from './cli-error.js';
import type { ClientSession } from './client-session.js';
import type { CommandContext } from './context.js';
import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { follow } from '../client/follow.js';
import { didYouMean } from '../domain/did-you-mean.js';

export type Letter = LetterOf<AnyRecord>;

/** The dead-letters topic, folded from its beginning and kept up to date. */
export interface LetterBox {
  /** Oldest first. */
  all(): readonly Letter[];
  /** Throws CliError (exit 2) with a suggestion when there is none. */
  require(id: string): Letter;
  /** Appends beside a letter what is done about it. Resolves, once it was read back, with what the fold made of it. */
  append(
    letter: Letter,
    event: EventOf<'dead_letter_taken' | 'dead_letter_redriven' | 'dead_letter_discarded'>,
  ): Promise<Folded>;
}

/** Reads every letter. Rejects when the topic cannot be read. */
export async function openLetterBox(
  context: CommandContext,
  { log, onEnd }: Pick<ClientSession, 'log' | 'onEnd'>,
): Promise<LetterBox> {
  const letters = createLetters<AnyRecord>();
  const readBack = new Map<string, (folded: Folded) => void>();

  const fold = (record: AnyRecord) => {
    const folded = letters.apply(record);
    if (record.content.kind !== 'event') return;
    const { event_id } = record.content.event;
    readBack.get(event_id)?.(folded);
    readBack.delete(event_id);
  };
  const { interruption } = context.host;
  const { caughtUp, failure, stop } = await orAborted(
    follow(log, { topics: [context.topics.deadLetters], from: 'beginning', onRecord: fold, onUndecodable: fold }),
    interruption,
  );
  onEnd('dead letters', stop);
  await orAborted(caughtUp, interruption);
  const appender = log.createAppender('dead-letters');
  onEnd('appender', () => appender.close());

  return {
    all: letters.all,
    require(id) {
      const found = letters.find(id);
      if (found !== null) return found;
      const ids = letters.all().map((letter) => letter.id);
      throw wrongUse(
        `there is no dead letter ${id}`,
        didYouMean(id, ids) ??
          (ids.length === 0 ? 'There are none.' : 'ravenhelm dead-letters list --all shows them all.'),
      );
    },
    async append({ id, record: { partition, key } }, event) {
      const folded = createHandledDeferred<Folded>();
      readBack.set(event.event_id, folded.resolve);
      await appender.append({ topic: context.topics.deadLetters, partition, key: key ?? id, event });
      return orAborted(Promise.race([folded.promise, failure]), interruption);
    },
  };
}

/** Throws CliError (exit 2), naming who and when, unless the letter may be handled now. */
export function requireFree(letter: Letter, takeOver: boolean): void {
  const handled = handledBy(letter, takeOver);
  if (handled !== null) throw wrongUse(`dead letter ${letter.id} ${handled.why}`, handled.nextStep);
}

/** Who handles the letter, or has handled it, and what may be done about that; null when it may be handled now. */
export function handledBy(
  { id, state }: Letter,
  takeOver: boolean,
): { readonly why: string; readonly nextStep: string } | null {
  if (state.kind === 'waiting' || (state.kind === 'redriving' && takeOver)) return null;
  const nextStep =
    state.kind === 'redriving'
      ? 'If that process has ended before it was done: the same command with --take-over.'
      : `ravenhelm dead-letters show ${id} tells more.`;
  return { why: stateText(state), nextStep };
}

/** What became of a letter, with who and when. */
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
