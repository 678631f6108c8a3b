import type { ModelErrorCode } from './model.js';

/** closed: calls go through. open: none do. half_open: one at a time does, to see whether the endpoint is back. */
export type CircuitStateName = 'closed' | 'open' | 'half_open';

/** How one call of a model ended; aborted: the caller gave up. */
export type ModelCallOutcome = 'ok' | 'aborted' | ModelErrorCode;

/** Numbers that someone may collect. Counting changes nothing, nothing waits for it, and it never throws. */
export interface Metrics {
  /** An attempt has ended here; status is completed or failed. */
  taskExecuted(agent: string, status: 'completed' | 'failed'): void;
  /** A step has ended here; outcome as tool_returned says it. */
  stepEnded(agent: string, outcome: string): void;
  /** A role begins anew after a failure. */
  roleRestarted(role: string): void;
  /** An append was acknowledged so long after it was asked for, in milliseconds. */
  appended(appender: string, durationMs: number): void;
  /** The circuit of a model's endpoint has this state now. */
  circuitState(endpoint: string, state: CircuitStateName): void;
  /** One request to a model, each try by itself; durationMs is from the request to the reply's last token. */
  modelCall(call: { readonly model: string; readonly outcome: ModelCallOutcome; readonly durationMs: number }): void;
}

/** For whoever counts nothing. */
export const noMetrics: Metrics = {
  taskExecuted: () => undefined,
  stepEnded: () => undefined,
  roleRestarted: () => undefined,
  appended: () => undefined,
  circuitState: () => undefined,
  modelCall: () => undefined,
};
