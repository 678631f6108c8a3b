import { backoffMs, type Random } from '../domain/backoff.js';
import { pause, type Clock } from '../ports/clock.js';
import { ModelError, type ChatModel } from '../ports/model.js';

export interface RetryOptions {
  readonly clock: Clock;
  /** Jitter for the back-off. */
  readonly random: Random;
  /** Attempts in total, the first one included; default 3. */
  readonly attempts?: number;
  /** No attempt starts later than this after the first one, so that the next model answers sooner; default 30 s. */
  readonly patienceMs?: number;
}

const BACK_OFF = { baseMs: 1_000, maxMs: 8_000 };

/**
 * A model that retries after a retriable error, with full jitter and never sooner than the server's retry-after.
 * This is the only place that repeats a call: the SDKs' retries are off, and the agent loop moves on to the next model.
 * Only calls that used no tokens are retried, so that the worst case stays that of one call. If the pause would exceed
 * patienceMs or the caller's deadline, the error is thrown at once. A retry-after counts for every other call too, also
 * for one that is already pausing: until then calls wait if the time is short, else they reject with code resting.
 */
export function withRetries(
  model: ChatModel,
  { clock, random, attempts = 3, patienceMs = 30_000 }: RetryOptions,
): ChatModel {
  /** Monotonic time before which the server wants no further call, from any task. */
  let notBeforeMs = 0;
  /** Pauses until then and a back-off longer. Throws what tooLong gives if that is later than lastMs. */
  const backOff = async (
    attempt: number,
    { nowMs, lastMs, signal }: { readonly nowMs: number; readonly lastMs: number; readonly signal: AbortSignal },
    tooLong: (waitMs: number) => Error,
  ) => {
    for (let atMs = nowMs; ; atMs = clock.monotonicMs()) {
      const known = notBeforeMs;
      const waitMs = Math.max(0, Math.round(known - atMs));
      const pauseMs = waitMs + backoffMs(attempt, BACK_OFF, random);
      if (atMs + pauseMs > lastMs) throw tooLong(waitMs);
      await pause(clock, pauseMs, signal);
      // Meanwhile the server may have asked another call to wait longer.
      if (notBeforeMs <= known) return;
    }
  };
  return {
    ...model,
    async chat(request, signal) {
      const startedMs = clock.monotonicMs();
      const lastMs = startedMs + Math.min(patienceMs, request.timeLeftMs ?? Infinity);
      if (notBeforeMs > startedMs)
        await backOff(1, { nowMs: startedMs, lastMs, signal }, (waitMs) => resting(model, waitMs));
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await model.chat(request, signal);
        } catch (error) {
          const nowMs = clock.monotonicMs();
          if (error instanceof ModelError && error.retryAfterMs !== null)
            notBeforeMs = Math.max(notBeforeMs, nowMs + error.retryAfterMs);
          if (attempt === attempts || !mayRetry(error)) throw error;
          await backOff(attempt, { nowMs, lastMs, signal }, () => error);
        }
      }
    },
  };
}

function resting({ name }: ChatModel, waitMs: number): ModelError {
  return new ModelError(
    'resting',
    `${name}: the server accepts no calls for another ${Math.ceil(waitMs / 1000)} s (retry-after)`,
    { retryAfterMs: waitMs },
  );
}

function mayRetry(error: unknown): error is ModelError {
  return error instanceof ModelError && error.retriable && error.used.tokens === 0 && error.used.usd === 0;
}
