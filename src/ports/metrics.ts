import type { ModelErrorCode } from './model.js';

/** closed: calls go through. open: none do. half_open: one at a time does, to see whether the endpoint is back. */
export type CircuitStateName = 'closed' | 'open' | 'half_open';

/** How one call of a model ended; aborted: the caller gave up. */
export type ModelCallOutcome = 'ok' | 'aborted' | ModelErrorCode;

/** What the adapters tell of themselves in numbers. Telemetry implements it; nothing waits for it and it never throws. */
export interface Metrics {
  /** The circuit of a model's endpoint has this state now. */
  circuitState(endpoint: string, state: CircuitStateName): void;
  /** One request to a model, each try by itself; durationMs is from the request to the reply's last token. */
  modelCall(call: { readonly model: string; readonly outcome: ModelCallOutcome; readonly durationMs: number }): void;
}

/** Nobody counts. */
export const NO_METRICS: Metrics = { circuitState: () => undefined, modelCall: () => undefined };
