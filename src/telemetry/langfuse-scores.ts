/**
 * Scores for LangFuse, which its OTLP endpoint does not take: in batches, by its ingestion API
 * (https://api.reference.langfuse.com/#tag/ingestion). A score with an id that is known there replaces it.
 */
import type { Logger } from '../ports/logger.js';

export interface Score {
  readonly id: string;
  readonly traceId: string;
  readonly observationId: string;
  readonly name: string;
  /** 1: passed. */
  readonly value: 0 | 1;
  readonly comment: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

export interface ScoreSender {
  /** done: called once, when it was taken or given up. */
  add(score: Score, done: () => void): void;
  /** Sends what is left. Never rejects. */
  close(): Promise<void>;
}

interface Waiting {
  readonly score: Score;
  readonly done: () => void;
  readonly tries: number;
}

const BATCH_MS = 1_000;
const MOST_IN_BATCH = 100;
/** More of them are given up, so that a server that is away costs no memory. */
const MOST_WAITING = 5_000;
const MOST_TRIES = 4;
const REQUEST_MS = 10_000;

export function createScoreSender(
  { url, authorization }: { readonly url: string; readonly authorization: string },
  logger: Logger,
): ScoreSender {
  let waiting: readonly Waiting[] = [];
  let timer: NodeJS.Timeout | null = null;
  let sending: Promise<void> = Promise.resolve();
  let failing = false;
  let closing = false;

  const giveUp = (lost: readonly Waiting[], reason: string): void => {
    if (lost.length === 0) return;
    if (!failing) logger.warn({ error: reason, given_up: lost.length }, 'langfuse.scores_not_sent');
    failing = true;
    for (const { done } of lost) done();
  };
  const sendBatch = async (): Promise<void> => {
    const batch = waiting.slice(0, MOST_IN_BATCH);
    waiting = waiting.slice(batch.length);
    if (batch.length === 0) return;
    const outcome = await post(url, authorization, batch);
    if (outcome === 'taken') {
      failing = false;
      for (const { done } of batch) done();
      return;
    }
    const tried = batch.map((each) => ({ ...each, tries: each.tries + 1 }));
    const again = (each: Waiting): boolean => outcome.mayPass && !closing && each.tries < MOST_TRIES;
    giveUp(
      tried.filter((each) => !again(each)),
      outcome.reason,
    );
    waiting = [...tried.filter(again), ...waiting];
  };
  const flushSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = null;
      sending = sending.then(sendBatch).then(() => (waiting.length > 0 ? flushSoon() : undefined));
    }, BATCH_MS);
    timer.unref();
  };

  return {
    add(score, done) {
      const entry = { score, done, tries: 0 };
      if (waiting.length >= MOST_WAITING) return giveUp([entry], 'too many scores wait to be sent');
      waiting = [...waiting, entry];
      flushSoon();
    },
    async close() {
      closing = true;
      if (timer !== null) clearTimeout(timer);
      await sending;
      while (waiting.length > 0) await sendBatch();
    },
  };
}

type Outcome = 'taken' | { readonly reason: string; readonly mayPass: boolean };

async function post(url: string, authorization: string, batch: readonly Waiting[]): Promise<Outcome> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ batch: batch.map(({ score }) => eventOf(score)) }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    const text = await answer.text();
    if (!answer.ok)
      return {
        reason: `${answer.status}: ${text.slice(0, 300)}`,
        mayPass: answer.status === 429 || answer.status >= 500,
      };
    const refused = errorsIn(text);
    return refused.length === 0 ? 'taken' : { reason: refused.join('; ').slice(0, 300), mayPass: false };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { reason: cause instanceof Error ? cause.message : String(cause), mayPass: true };
  }
}

/** Status 207 has an entry for each event. */
function errorsIn(text: string): readonly string[] {
  const answer: unknown = text === '' ? {} : JSON.parse(text);
  if (typeof answer !== 'object' || answer === null || !('errors' in answer) || !Array.isArray(answer.errors))
    return [];
  return answer.errors.map((error: unknown) => JSON.stringify(error));
}

const eventOf = ({ atMs, ...score }: Score) => ({
  id: score.id,
  timestamp: new Date(atMs).toISOString(),
  type: 'score-create',
  body: { ...score, dataType: 'BOOLEAN' },
});
