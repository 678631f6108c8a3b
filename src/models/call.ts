import { ModelError, type TokenCost } from '../ports/model.js';
import type { Clock } from '../ports/clock.js';
import { createWatchdog, type CallLimits, type LimitAdvice, type Watchdog } from './watchdog.js';

/** What every adapter needs for one call. */
export interface CallSetting {
  readonly clock: Clock;
  readonly limits: CallLimits;
  readonly advice: LimitAdvice;
  /** How the model is named in errors. */
  readonly model: string;
  /** What has been used up so far, as far as the server has said. */
  used(): TokenCost;
  /** Translates what the SDK threw. */
  translate(error: unknown): ModelError;
}

/**
 * Runs one call under its limits. Rejects with the signal's reason when the caller gave up, else with a ModelError:
 * timeout when a limit passed, what run() threw when that is one, and the translation of anything else.
 */
export async function callModel<T>(
  setting: CallSetting,
  signal: AbortSignal,
  run: (watch: Watchdog) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const watch = createWatchdog(setting.clock, setting.limits, setting.advice, signal);
  try {
    const result = await run(watch);
    // The SDKs end an aborted stream like a finished one.
    watch.signal.throwIfAborted();
    return result;
  } catch (error) {
    signal.throwIfAborted();
    const expired = watch.expired();
    if (expired !== null)
      throw new ModelError('timeout', `${setting.model}: ${expired}`, { cause: error, used: setting.used() });
    throw error instanceof ModelError ? error : setting.translate(error);
  } finally {
    watch.stop();
  }
}
