import type { PayloadOf, Plan } from '../domain/events.js';
import type { TokenCost } from '../ports/model.js';
import type { Failover } from './failover.js';

/** The input of a planner. */
export interface PlanRequest {
  readonly mission: PayloadOf<'mission_requested'>;
  /** From 1. */
  readonly revision: number;
  /** Why a changed plan is needed; null for the first. */
  readonly reason: string | null;
  /** Number of the next plan's first wave; a changed plan continues the numbers. */
  readonly firstWave: number;
  /** Completed tasks, which are not planned again. */
  readonly done: readonly { readonly taskId: string; readonly agent: string; readonly summary: string }[];
  /**
   * What is left of the mission's budget; absent: all of it; null: no limit. A model whose worst case does not fit is
   * skipped.
   */
  readonly available?: { readonly tokens: number | null; readonly usd: number | null };
}

export interface PlannerAnswer {
  /** anthropic, openai, ollama or order. */
  readonly planner: string;
  /** Empty if no model wrote the plan. */
  readonly model: string;
  readonly plan: Plan;
  /** Why earlier replies were rejected or planners were skipped. */
  readonly refusals: readonly string[];
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
}

/** Plans missions. The orchestrator calls it after it has read plan_requested back; the consumer does not wait. */
export interface Planner {
  /** Upper bound of the cost of one propose(), at most what is left of the budget. */
  worstCase(request: PlanRequest): TokenCost;
  /**
   * Rejects with PlanningFailed if no planner of the chain gives a valid plan.
   * @param failedOver called for each skipped model
   */
  propose(request: PlanRequest, signal: AbortSignal, failedOver?: (failover: Failover) => void): Promise<PlannerAnswer>;
}

export class PlanningFailed extends Error {
  readonly code = 'planning_failed';
  readonly retriable = false;
  constructor(
    message: string,
    readonly used: { readonly tokensIn: number; readonly tokensOut: number; readonly costUsd: number },
  ) {
    super(message);
    this.name = 'PlanningFailed';
  }
}
