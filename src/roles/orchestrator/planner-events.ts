/** The events that a planner's call leads to. */
import type { Failover } from '../../agent/failover.js';
import { PlanningFailed, type PlannerAnswer } from '../../agent/planner-contract.js';
import { asError } from '../../domain/as-error.js';
import { backoffMs } from '../../domain/backoff.js';
import type { EventOf } from '../../domain/events.js';
import type { Mission } from '../../domain/mission-state.js';
import type { OrchestratorContext } from './orchestrator-context.js';

/** One call: for the mission's revision, asked by an event (null: not known, after a take-over). */
export interface PlannerCall {
  readonly mission: Mission;
  readonly causedBy: string | null;
  /** Of the claim under which it is made. */
  readonly owner: string | null;
}

type Context = Pick<OrchestratorContext, 'createEvent' | 'timings' | 'deps'>;

export function planProposed(
  { createEvent }: Context,
  call: PlannerCall,
  answer: PlannerAnswer,
): EventOf<'plan_proposed'> {
  const { id, revision } = call.mission;
  const { planner, model, plan, refusals, tokensIn, tokensOut, costUsd } = answer;
  return createEvent({
    type: 'plan_proposed',
    ...envelope(call),
    payload: {
      mission_id: id,
      revision,
      planner,
      model,
      refusals: [...refusals],
      plan,
      tokens_in: tokensIn,
      tokens_out: tokensOut,
      cost_usd: costUsd,
      owner: call.owner,
    },
  });
}

/** @param used what the call has used, whatever happened to it */
export function planFailed(
  context: Context,
  call: PlannerCall,
  error: unknown,
  { tokensIn, tokensOut, costUsd }: PlanningFailed['used'],
): EventOf<'plan_failed'> {
  const { id, revision } = call.mission;
  return context.createEvent({
    type: 'plan_failed',
    ...envelope(call),
    payload: {
      mission_id: id,
      revision,
      error: asError(error).message,
      code: error instanceof PlanningFailed ? error.code : 'planning_failed',
      retry_in_ms: retryInMs(context, call.mission, error),
      tokens_in: tokensIn,
      tokens_out: tokensOut,
      cost_usd: costUsd,
      owner: call.owner,
    },
  });
}

export function plannerFailedOver(
  { createEvent }: Context,
  call: PlannerCall,
  { fromModel, toModel, reason, cause }: Failover,
): EventOf<'model_failed_over'> {
  const { id, revision } = call.mission;
  const failover = { from_model: fromModel, to_model: toModel, reason, cause };
  const place = { mission_id: id, task_id: null, attempt: null, step: null, revision, agent: 'planner' };
  return createEvent({ type: 'model_failed_over', ...envelope(call), payload: { ...place, ...failover } });
}

const envelope = ({ mission, causedBy }: PlannerCall) => ({
  from: 'planner',
  to: 'orchestrator',
  missionId: mission.id,
  causedBy,
});

/** null: the same request would fail again. Part of the record, so that every holder waits for as long. */
function retryInMs({ timings, deps }: Context, { plannerWait }: Mission, error: unknown): number | null {
  if (!(error instanceof PlanningFailed) || !error.retriable) return null;
  return Math.round(backoffMs((plannerWait?.calls ?? 0) + 1, timings.plannerBackoff, deps.random));
}
