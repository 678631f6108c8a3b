import { backoffMs, type Random } from '../domain/backoff.js';
import { pause, type Clock } from '../ports/clock.js';
import { ModelError, type ChatModel } from '../ports/model.js';

export interface RetryOptions {
  readonly clock: Clock;
  /** Spreads the tries. */
  readonly random: Random;
  /** Calls in all, the first one included. */
  readonly attempts?: number;
  /** No try begins later than this after the first one: then the next model of the chain answers sooner. */
  readonly patienceMs?: number;
}

const BACK_OFF = { baseMs: 1_000, maxMs: 8_000 };

/**
 * A model that is asked again after a failure that may pass, with full jitter and never sooner than the server's
 * retry-after. This is the one place that repeats a call: the SDKs' own retries are off, and the loop moves on along
 * the chain. Only calls that used nothing up are made again, so that the worst case stays that of one call; and none
 * whose pause would go on beyond the patience or the caller's own deadline: then the failure goes up at once. What a
 * server asks of one call holds for every other: until then the model is passed over (resting), or waited for where
 * that is soon.
 */
export function withRetries(
  model: ChatModel,
  { clock, random, attempts = 3, patienceMs = 30_000 }: RetryOptions,
): ChatModel {
  /** Until when the server wants no further call, whichever task it is for; monotonic. */
  let notBeforeMs = 0;
  return {
    ...model,
    async chat(request, signal) {
      const begunMs = clock.monotonicMs();
      const longestMs = Math.min(patienceMs, request.timeLeftMs ?? Infinity);
      const askedMs = notBeforeMs - begunMs;
      if (askedMs > 0) {
        const firstPauseMs = askedMs + backoffMs(1, BACK_OFF, random);
        if (firstPauseMs > longestMs) throw leftAlone(model, askedMs);
        await pause(clock, firstPauseMs, signal);
      }
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await model.chat(request, signal);
        } catch (error) {
          const nowMs = clock.monotonicMs();
          if (error instanceof ModelError && error.retryAfterMs !== null)
            notBeforeMs = Math.max(notBeforeMs, nowMs + error.retryAfterMs);
          if (attempt === attempts || !isWorthAnother(error)) throw error;
          const pauseMs = Math.max(0, Math.round(notBeforeMs - nowMs)) + backoffMs(attempt, BACK_OFF, random);
          if (nowMs - begunMs + pauseMs > longestMs) throw error;
          await pause(clock, pauseMs, signal);
        }
      }
    },
  };
}

function leftAlone({ name }: ChatModel, askedMs: number): ModelError {
  return new ModelError(
    'resting',
    `${name}: the server wants to be left alone for ${Math.ceil(askedMs / 1000)} s more (retry-after)`,
    { retryAfterMs: askedMs },
  );
}

function isWorthAnother(error: unknown): error is ModelError {
  return error instanceof ModelError && error.retriable && error.used.tokens === 0 && error.used.usd === 0;
}
