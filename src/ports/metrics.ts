/** Numbers that someone may collect. Counting changes nothing and never throws. */
export interface Metrics {
  /** An attempt has ended here; status is completed or failed. */
  taskExecuted(agent: string, status: 'completed' | 'failed'): void;
  /** A step has ended here; outcome as tool_returned says it. */
  stepEnded(agent: string, outcome: string): void;
  /** A role begins anew after a failure. */
  roleRestarted(role: string): void;
  /** An append was acknowledged so long after it was asked for, in milliseconds. */
  appended(appender: string, durationMs: number): void;
  /** What a model endpoint's circuit breaker does now. */
  circuitState(endpoint: string, state: 'closed' | 'open' | 'half_open'): void;
}

/** For whoever counts nothing. */
export const noMetrics: Metrics = {
  taskExecuted: () => undefined,
  stepEnded: () => undefined,
  roleRestarted: () => undefined,
  appended: () => undefined,
  circuitState: () => undefined,
};
