import type { Clock, Timer } from '../ports/clock.js';

/** How long each part of a call may take, in milliseconds. */
export interface CallLimits {
  /** Until the server answers at all. */
  readonly connectMs: number;
  /** From then until the first piece of the reply: loading the model and reading the prompt. */
  readonly firstTokenMs: number;
  /** Between two pieces of the reply. */
  readonly stallMs: number;
  /** The whole call; the caller's own deadline ends it sooner. */
  readonly wholeMs: number;
}

/** What the reader of an error does about each limit, such as "raise OLLAMA_FIRST_TOKEN_MS". */
export type LimitAdvice = Readonly<Record<keyof CallLimits, string>>;

/** What had not happened when a limit passed. */
const MISSED: Readonly<Record<keyof CallLimits, string>> = {
  connectMs: 'the server did not answer',
  firstTokenMs: 'the reply did not begin',
  stallMs: 'the reply stalled: no further piece came',
  wholeMs: 'the reply was not complete',
};

/** Nobody waits for it any more. */
const ENDED = new Error('the call has ended');

/** Ends a call whose server accepts and then says nothing. */
export interface Watchdog {
  /** Aborted when a limit was passed or the caller gave up. */
  readonly signal: AbortSignal;
  /** The server has answered; the first piece is awaited now, unless it has come. */
  connected(): void;
  isConnected(): boolean;
  /** A piece of the reply has come. */
  received(): void;
  /** What was not in time, by which limit, and what to do; null while everything is. */
  expired(): string | null;
  /** Ends the watch, and whatever of the call is still under way. */
  stop(): void;
}

/** Watches one call. The limits run on the clock's timers; the caller's signal is passed on. */
export function createWatchdog(clock: Clock, limits: CallLimits, advice: LimitAdvice, caller: AbortSignal): Watchdog {
  const controller = new AbortController();
  let expired: string | null = null;
  const start = (limit: keyof CallLimits): Timer =>
    clock.setTimer(limits[limit], () => {
      if (controller.signal.aborted) return;
      expired = `${MISSED[limit]} within ${limits[limit]} ms (${limit}); ${advice[limit]}`;
      controller.abort(new Error(expired));
    });
  const onCallerAbort = () => controller.abort(caller.reason);
  if (caller.aborted) onCallerAbort();
  else caller.addEventListener('abort', onCallerAbort, { once: true });

  const whole = start('wholeMs');
  let awaited: keyof CallLimits = 'connectMs';
  let stage = start(awaited);
  const enter = (limit: keyof CallLimits) => {
    stage.cancel();
    awaited = limit;
    if (!controller.signal.aborted) stage = start(limit);
  };
  return {
    signal: controller.signal,
    connected: () => void (awaited === 'connectMs' && enter('firstTokenMs')),
    isConnected: () => awaited !== 'connectMs',
    received: () => enter('stallMs'),
    expired: () => expired,
    stop() {
      stage.cancel();
      whole.cancel();
      caller.removeEventListener('abort', onCallerAbort);
      controller.abort(ENDED);
    },
  };
}
