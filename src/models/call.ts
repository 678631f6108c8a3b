import { ModelError, type ChatReply, type TokenCost } from '../ports/model.js';
import type { Clock } from '../ports/clock.js';
import { createWatchdog, type CallLimits, type LimitAdvice, type Watchdog } from './watchdog.js';

/** The settings of one call, the same for every adapter. */
export interface CallSetting {
  readonly clock: Clock;
  readonly limits: CallLimits;
  readonly advice: LimitAdvice;
  /** The model's name in errors. */
  readonly model: string;
  /** What the call has used so far, as far as the server has reported it. */
  used(): TokenCost;
  /** Translates an error of the SDK. */
  translate(error: unknown): ModelError;
}

/**
 * Runs one call under its limits and measures it. Rejects with the signal's reason when the caller aborted, else with a
 * ModelError: timeout when a limit was exceeded, the error of run() if it is a ModelError, else its translation.
 */
export async function callModel(
  setting: CallSetting,
  signal: AbortSignal,
  run: (watch: Watchdog) => Promise<ChatReply>,
): Promise<ChatReply> {
  signal.throwIfAborted();
  const watch = createWatchdog(setting.clock, setting.limits, setting.advice, signal);
  try {
    const reply = await run(watch);
    // The SDKs end an aborted stream in the same way as a complete one.
    watch.signal.throwIfAborted();
    return { ...reply, timing: watch.timing() };
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
