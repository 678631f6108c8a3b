import type { ModelErrorCode } from './model.js';
import type { PolicyDecision } from './policy.js';

/** closed: calls are sent. open: no call is sent. half_open: one call at a time tests the endpoint. */
export type CircuitStateName = 'closed' | 'open' | 'half_open';

/** How one call of a model ended; aborted: the caller aborted it. */
export type ModelCallOutcome = 'ok' | 'aborted' | ModelErrorCode;

export interface ModelCallMeasured {
  readonly model: string;
  readonly outcome: ModelCallOutcome;
  readonly durationMs: number;
  /** As far as known. unknown: of a call that failed, which does not say which tokens were read and which written. */
  readonly used: {
    readonly tokens: Readonly<Record<'in' | 'out' | 'unknown', number>>;
    readonly usd: number;
  };
}

/** Metrics of the process. Reporting has no effect on the swarm, is never awaited and never throws. */
export interface Metrics {
  /** An attempt has ended here; durationMs is that of this execution: after a take-over or a pause, of the last one. */
  taskExecuted(agent: string, status: 'completed' | 'failed', durationMs: number): void;
  /** A step has ended here; outcome is that of tool_returned. */
  stepEnded(agent: string, outcome: string): void;
  /** The policy has judged a call. */
  policyDecided(decision: PolicyDecision): void;
  /** A person's request or answer does not count; type is its event's, code that of request_void or approval_void. */
  requestVoid(type: string, code: string): void;
  /** A role restarts after a failure. */
  roleRestarted(role: string): void;
  /** An append was acknowledged; durationMs counts from the request. */
  appended(appender: string, durationMs: number): void;
  /** The current state of the circuit breaker of a model's endpoint. */
  circuitState(endpoint: string, state: CircuitStateName): void;
  /** One request to a model, each try by itself; durationMs is from the request to the reply's last token. */
  modelCall(call: ModelCallMeasured): void;
  /** A reply to a task or a planner's reply was read. fault: why it is of no use; null: used, after these repairs. */
  replyRead(reply: {
    readonly model: string;
    readonly fault: string | null;
    readonly repairs: readonly string[];
  }): void;
  /** The holder has read the end of a mission. atPlannerPriceUsd: the estimate in its event; null: there is none. */
  missionEnded(costUsd: number, atPlannerPriceUsd: number | null): void;
}

/** Metrics that are not collected. */
export const noMetrics: Metrics = {
  taskExecuted: () => undefined,
  stepEnded: () => undefined,
  policyDecided: () => undefined,
  requestVoid: () => undefined,
  roleRestarted: () => undefined,
  appended: () => undefined,
  circuitState: () => undefined,
  modelCall: () => undefined,
  replyRead: () => undefined,
  missionEnded: () => undefined,
};
