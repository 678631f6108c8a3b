import type { PayloadOf, Plan } from '../domain/events.js';
import type { PricedModel } from '../domain/planner-price.js';
import type { TokenCost } from '../ports/model.js';
import type { Failover } from './failover.js';

/** The input of a planner. */
export interface PlanRequest {
  readonly mission: PayloadOf<'mission_requested'>;
  /** From 1. */
  readonly revision: number;
  /** Why a changed plan is needed; null for the first. */
  readonly reason: string | null;
  /** What people have said about earlier plans and failures; absent or null: nothing. */
  readonly answer?: string | null;
  /** Number of the next plan's first wave; a changed plan continues the numbers. */
  readonly firstWave: number;
  /** Completed tasks, which are not planned again. */
  readonly done: readonly { readonly taskId: string; readonly agent: string; readonly summary: string }[];
  /**
   * What is left of the mission's budget; absent: all of it; null: no limit. A model whose worst case does not fit is
   * skipped.
   */
  readonly available?: { readonly tokens: number | null; readonly usd: number | null };
  /** The id in the data marks of its prompts (data-block.ts). */
  readonly boundary: string;
}

export interface PlannerAnswer {
  /** anthropic, openai, ollama, or order where the mission says so. */
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
  /**
   * The model at whose price a mission's cost is estimated: the one that wrote its plan (a name as in PlannerAnswer),
   * else the first that is asked. null: no planner model is configured, and none wrote it.
   */
  pricedModel(wrote: string): PricedModel | null;
  /** Upper bound of the cost of one propose(), at most what is left of the budget. */
  worstCase(request: PlanRequest): TokenCost;
  /**
   * Rejects with PlanningFailed if there is no planner model, or if none of the chain gives a valid plan. A mission
   * that says `planner: order` gets the agents' declared order and no model is asked; no other mission does.
   * @param failedOver called for each skipped model
   */
  propose(request: PlanRequest, signal: AbortSignal, failedOver?: (failover: Failover) => void): Promise<PlannerAnswer>;
}

/**
 * no_planner: no model is configured, and the mission does not ask for the declared order. planner_unreachable: no
 * model of the chain could be reached; the same request may succeed later. unknown_agents: the mission names agents
 * that are not here, and may be later. planning_failed: anything else.
 */
export type PlanningFailedCode = 'no_planner' | 'planner_unreachable' | 'unknown_agents' | 'planning_failed';

export class PlanningFailed extends Error {
  readonly code: PlanningFailedCode;
  readonly retriable: boolean;
  constructor(
    message: string,
    readonly used: { readonly tokensIn: number; readonly tokensOut: number; readonly costUsd: number },
    code: PlanningFailedCode = 'planning_failed',
  ) {
    super(message);
    this.name = 'PlanningFailed';
    this.code = code;
    this.retriable = code === 'planner_unreachable' || code === 'unknown_agents';
  }
}

/** What a person can do about a mission without a plan where no planner model is configured. */
export const WAYS_TO_A_PLAN =
  "write a plan into the mission file (plan:); or say planner: order there, for the agents' declared order, which " +
  'does not read the brief; or configure a planner model (ANTHROPIC_API_KEY, OPENAI_API_KEY, Ollama, or ' +
  'PLANNER_MODELS)';
