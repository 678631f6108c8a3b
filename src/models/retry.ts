import type { Clock } from '../ports/clock.js';
import { ModelError, type ChatModel } from '../ports/model.js';

export interface RetryOptions {
  readonly clock: Clock;
  /** Calls in all, the first one included. */
  readonly attempts?: number;
  /** A server that asks for a longer wait than this is passed over: the next model of the chain answers sooner. */
  readonly longestWaitMs?: number;
}

/** Without a retry-after: one second, then two. */
const BACK_OFF_MS = 1_000;

/**
 * A hosted model that tries again after 429 and after failures of the server, waiting as long as retry-after says.
 * This is the one place that retries a call: the SDKs' own retries are off, and the loop moves on along the chain.
 * Only calls that used nothing up are made again, so that the worst case stays that of one call.
 */
export function withRetries(model: ChatModel, { clock, attempts = 3, longestWaitMs = 30_000 }: RetryOptions): ChatModel {
  return {
    ...model,
    async chat(request, signal) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await model.chat(request, signal);
        } catch (error) {
          const waitMs = attempt < attempts ? waitBefore(error, attempt) : null;
          if (waitMs === null || waitMs > longestWaitMs) throw error;
          await wait(clock, waitMs, signal);
        }
      }
    },
  };
}

/** Milliseconds to wait before the call is made again; null when it is not. */
function waitBefore(error: unknown, attempt: number): number | null {
  if (!(error instanceof ModelError) || (error.code !== 'rate_limited' && error.code !== 'unreachable')) return null;
  if (error.used.tokens > 0 || error.used.usd > 0) return null;
  return error.retryAfterMs ?? BACK_OFF_MS * 2 ** (attempt - 1);
}

/** Rejects with the signal's reason when the caller gives up. */
function wait(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.setTimer(delayMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
