import type { Clock } from '../ports/clock.js';

export interface Interruption {
  /** Aborted by the first signal; its reason is what signal() was given. */
  readonly aborted: AbortSignal;
  /** A signal has come. */
  signal(reason: Error): void;
}

/**
 * Under `npm start` one Ctrl-C arrives twice: from the terminal, which signals the whole foreground group, and from
 * npm, which forwards it to its child (@npmcli/run-script, signal-manager.js). So what comes that soon is the same one.
 */
const SAME_KEYPRESS_MS = 250;

/** The first signal asks everything to drain, a later one calls atOnce. */
export function createInterruption({ clock, atOnce }: { readonly clock: Clock; atOnce(): void }): Interruption {
  const controller = new AbortController();
  let firstMs = 0;
  return {
    aborted: controller.signal,
    signal(reason) {
      if (!controller.signal.aborted) {
        firstMs = clock.monotonicMs();
        controller.abort(reason);
      } else if (clock.monotonicMs() - firstMs > SAME_KEYPRESS_MS) atOnce();
    },
  };
}
