import type { Clock, Timer } from '../ports/clock.js';
import type { ModelTiming } from '../ports/model.js';

/** Time limits for the parts of a call, in milliseconds. */
export interface CallLimits {
  /** Until the server answers. */
  readonly connectMs: number;
  /** From then until the first chunk of the reply; includes loading the model and reading the prompt. */
  readonly firstTokenMs: number;
  /** Between two chunks of the reply. */
  readonly stallMs: number;
  /** The whole call; the caller's deadline may end it sooner. */
  readonly wholeMs: number;
}

/** What to do when a limit was exceeded, such as "raise OLLAMA_FIRST_TOKEN_MS". */
export type LimitAdvice = Readonly<Record<keyof CallLimits, string>>;

/** What had not happened when the limit was reached. */
const MISSED: Readonly<Record<keyof CallLimits, string>> = {
  connectMs: 'the server did not answer',
  firstTokenMs: 'the reply did not start',
  stallMs: 'the reply stalled: no further chunk arrived',
  wholeMs: 'the reply was not complete',
};

/** The abort reason after stop(); no caller sees it. */
const ENDED = new Error('the call has ended');

/** Aborts a call that exceeds one of its limits, such as one whose server accepts the request and then hangs. */
export interface Watchdog {
  /** Aborted when a limit was exceeded, the caller aborted, or stop() was called. */
  readonly signal: AbortSignal;
  /**
   * Runs one request of the call with a separate signal: the SDKs never release the one that they are given, and a
   * call may have many requests.
   */
  request<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Call when the server has answered; starts the limit of the first chunk unless one has arrived. */
  connected(): void;
  isConnected(): boolean;
  /** Call for every chunk of the reply. */
  received(): void;
  /** Call when the reply holds text. */
  hasText(): void;
  /** How long the call has taken so far. */
  timing(): ModelTiming;
  /** What was late, which limit it exceeded and what to do; null while no limit was exceeded. */
  expired(): string | null;
  /** Stops the timers and aborts what is left of the call. */
  stop(): void;
}

/** Watches one call. The limits run on the clock's timers; an abort of the caller's signal is passed on. */
export function createWatchdog(clock: Clock, limits: CallLimits, advice: LimitAdvice, caller: AbortSignal): Watchdog {
  const controller = new AbortController();
  const startedAtMs = clock.now();
  const beganMs = clock.monotonicMs();
  let firstTokenMs: number | null = null;
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
    async request(run) {
      const request = new AbortController();
      const onAbort = () => request.abort(controller.signal.reason);
      if (controller.signal.aborted) onAbort();
      else controller.signal.addEventListener('abort', onAbort, { once: true });
      try {
        return await run(request.signal);
      } finally {
        controller.signal.removeEventListener('abort', onAbort);
      }
    },
    connected: () => void (awaited === 'connectMs' && enter('firstTokenMs')),
    isConnected: () => awaited !== 'connectMs',
    received: () => enter('stallMs'),
    hasText: () => void (firstTokenMs ??= clock.monotonicMs() - beganMs),
    timing: () => ({ startedAtMs, firstTokenMs, durationMs: clock.monotonicMs() - beganMs }),
    expired: () => expired,
    stop() {
      stage.cancel();
      whole.cancel();
      caller.removeEventListener('abort', onCallerAbort);
      controller.abort(ENDED);
    },
  };
}
