/** Counts what the holder of a coordination partition reads back: requests, ends, retries and approvals of missions. */
import type { AgentEvent } from '../../domain/events.js';
import { usageOf } from '../../domain/mission-budget.js';
import { statusOf, type Mission } from '../../domain/mission-state.js';
import type { Metrics } from '../../ports/metrics.js';

export interface MissionMeasuresDeps {
  readonly metrics: Metrics;
  /** Whether this process has an agent of that name: a label has no other. */
  isKnown(agent: string): boolean;
}

/**
 * A record was folded, and has an effect.
 * @param mission after it
 * @param planningBefore how far its plan was before the record; null: there was no mission
 * @param atMs when the log took it
 */
export function measureMission(
  { metrics, isKnown }: MissionMeasuresDeps,
  mission: Mission,
  event: AgentEvent,
  { planningBefore, atMs }: { readonly planningBefore: Mission['planning']['kind'] | null; readonly atMs: number },
): void {
  switch (event.event_type) {
    case 'mission_requested':
      return metrics.missionRequested();
    case 'mission_completed':
    case 'mission_failed':
    case 'mission_cancelled': {
      const status = statusOf(mission);
      if (status === 'open') return;
      return metrics.missionEnded({
        status,
        durationMs: Math.max(0, atMs - mission.requestedAtMs),
        costUsd: usageOf(mission).usd,
        atPlannerPriceUsd: mission.atPlannerPrice?.usd ?? null,
      });
    }
    case 'task_retry_scheduled': {
      const agent = mission.tasks.get(event.payload.task_id)?.plan.agent;
      return metrics.retryScheduled(agent !== undefined && isKnown(agent) ? agent : 'other');
    }
    // An accepted request does what the request would have done.
    case 'plan_proposed':
    case 'plan_approved':
    case 'plan_rejected':
    case 'request_accepted':
      return measurePlan(metrics, mission, planningBefore);
    default:
      return;
  }
}

function measurePlan(metrics: Metrics, { planning, request }: Mission, before: string | null): void {
  if (request.approval !== 'approval' || planning.kind === before) return;
  if (planning.kind === 'proposed') metrics.approval('plan', 'asked');
  else if (before !== 'proposed') return;
  else if (planning.kind === 'approved') metrics.approval('plan', 'approved');
  else if (planning.kind === 'rejected') metrics.approval('plan', 'rejected');
}
