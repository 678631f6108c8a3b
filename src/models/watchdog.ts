import type { Clock, Timer } from '../ports/clock.js';

/** How long each part of a call may take, in milliseconds. */
export interface CallLimits {
  /** Until the server answers at all. */
  readonly connectMs: number;
  /** From then until the first piece of the reply: loading the model and reading the prompt. */
  readonly firstTokenMs: number;
  /** Between two pieces of the reply. */
  readonly idleMs: number;
  /** The whole call. */
  readonly wholeMs: number;
}

/** Ends a call whose server accepts and then says nothing. */
export interface Watchdog {
  /** Aborted when a limit was passed or the caller gave up. */
  readonly signal: AbortSignal;
  /** The server has answered; the first piece is awaited now. */
  connected(): void;
  /** A piece of the reply has come. */
  received(): void;
  /** What was not in time, in words; null while everything is. */
  expired(): string | null;
  /** Ends the watch. */
  stop(): void;
}

/** Watches one call. The limits run on the clock's timers; the caller's signal is passed on. */
export function createWatchdog(clock: Clock, limits: CallLimits, caller: AbortSignal): Watchdog {
  const controller = new AbortController();
  let expired: string | null = null;
  const expire = (what: string, limitMs: number) => () => {
    expired = `${what} within ${limitMs} ms`;
    controller.abort(new Error(expired));
  };
  const onCallerAbort = () => controller.abort(caller.reason);
  if (caller.aborted) onCallerAbort();
  else caller.addEventListener('abort', onCallerAbort, { once: true });

  const whole = clock.setTimer(limits.wholeMs, expire('the reply was not complete', limits.wholeMs));
  let stage: Timer = clock.setTimer(limits.connectMs, expire('the server did not answer', limits.connectMs));
  const enter = (what: string, limitMs: number) => {
    stage.cancel();
    if (!controller.signal.aborted) stage = clock.setTimer(limitMs, expire(what, limitMs));
  };
  return {
    signal: controller.signal,
    connected: () => enter('the reply did not begin', limits.firstTokenMs),
    received: () => enter('the reply stalled: no further piece came', limits.idleMs),
    expired: () => expired,
    stop() {
      stage.cancel();
      whole.cancel();
      caller.removeEventListener('abort', onCallerAbort);
    },
  };
}
