import type { PayloadOf, Plan } from '../domain/events.js';
import type { TokenCost } from '../ports/model.js';
import type { Failover } from './failover.js';

/** What a planner is asked. */
export interface PlanRequest {
  readonly mission: PayloadOf<'mission_requested'>;
  /** From 1. */
  readonly revision: number;
  /** Why a changed plan is needed; null for the first. */
  readonly reason: string | null;
  /** Number of the next plan's first wave; a changed plan continues the numbers. */
  readonly firstWave: number;
  /** Tasks that ended well and are not planned again. */
  readonly done: readonly { readonly taskId: string; readonly agent: string; readonly summary: string }[];
  /** What is left of the mission's budget, all of it when absent; null is no limit. A planner whose worst case does not fit is passed over. */
  readonly available?: { readonly tokens: number | null; readonly usd: number | null };
}

export interface PlannerAnswer {
  /** anthropic, openai, ollama or order. */
  readonly planner: string;
  /** Empty when no model wrote it. */
  readonly model: string;
  readonly plan: Plan;
  /** Why earlier replies or planners were passed over. */
  readonly refusals: readonly string[];
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
}

/** Plans missions; the orchestrator calls it beside the consumer, when it has read plan_requested back. */
export interface Planner {
  /** Upper bound of what one propose() may cost; never more than is left of the budget. */
  worstCase(request: PlanRequest): TokenCost;
  /**
   * Tells of each model that is passed over, where someone listens.
   * Rejects with PlanningFailed when no planner of the chain gives a valid plan.
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
