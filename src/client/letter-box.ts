import { createHandledDeferred, orAborted } from '../domain/deferred.js';
import { didYouMean } from '../domain/did-you-mean.js';
import type { EventOf } from '../domain/events.js';
import { createLetters, type Letter as LetterOf } from '../domain/letters.js';
import type { Folded } from '../domain/record.js';
import type { AnyRecord } from '../ports/log.js';
import { ClientError } from './client-error.js';
import type { ClientContext, LogSession } from './context.js';
import { follow } from './follow.js';
import { asAppended } from './sign.js';

export type Letter = LetterOf<AnyRecord>;

/** The dead-letters topic, folded from its beginning and kept up to date. */
export interface LetterBox {
  /** Oldest first. */
  all(): readonly Letter[];
  /** Throws ClientError with a suggestion when there is none. */
  require(id: string): Letter;
  /** Each of them once, whatever ids name it. Throws ClientError for an unknown one. */
  requireAll(ids: readonly string[]): readonly Letter[];
  /** Appends beside a letter what is done about it. Resolves, once it was read back, with what the fold made of it. */
  append(
    letter: Letter,
    event: EventOf<'dead_letter_taken' | 'dead_letter_redriven' | 'dead_letter_discarded'>,
  ): Promise<Folded>;
}

/** Reads every letter. Rejects when the topic cannot be read. */
export async function openLetterBox(context: ClientContext, { log, onEnd }: LogSession): Promise<LetterBox> {
  const { topics, signal } = context;
  const letters = createLetters<AnyRecord>((await context.verifyHandling?.(log)) ?? null);
  const readBack = new Map<string, (folded: Folded) => void>();

  const fold = (record: AnyRecord) => {
    const folded = letters.apply(record);
    if (record.content.kind !== 'event') return;
    const { event_id } = record.content.event;
    readBack.get(event_id)?.(folded);
    readBack.delete(event_id);
  };
  const { caughtUp, failure, stop } = await orAborted(
    follow(log, { topics: [topics.deadLetters], from: 'beginning', onRecord: fold, onUndecodable: fold }),
    signal,
  );
  onEnd('dead letters', stop);
  await orAborted(caughtUp, signal);
  const appender = log.createAppender('dead-letters');
  onEnd('appender', () => appender.close());
  const require = (id: string): Letter => letters.find(id) ?? unknownLetter(id, letters.all());

  return {
    all: letters.all,
    require,
    requireAll: (ids) => [...new Map(ids.map(require).map((letter) => [letter.id, letter])).values()],
    async append({ id, record: { partition, key } }, event) {
      const folded = createHandledDeferred<Folded>();
      readBack.set(event.event_id, folded.resolve);
      const place = { topic: topics.deadLetters, partition, key: key ?? id };
      await appender.append({ ...place, event: asAppended(context, log, event) });
      return orAborted(Promise.race([folded.promise, failure]), signal);
    },
  };
}

function unknownLetter(id: string, letters: readonly Letter[]): never {
  const ids = letters.map((letter) => letter.id);
  throw new ClientError(
    'letter_unknown',
    `there is no dead letter ${id}`,
    didYouMean(id, ids) ?? (ids.length === 0 ? 'There are none.' : 'ravenhelm dead-letters list --all shows them all.'),
  );
}
