/** Calls the planner beside the consumer and appends what it says. */
import { PlanningFailed } from '../../agent/planner-contract.js';
import { asError } from '../../domain/as-error.js';
import type { EventOf } from '../../domain/events.js';
import type { Mission } from '../../domain/mission-state.js';
import { AppendDropped, AppendRejected } from '../../ports/log.js';
import type { HeldClaim } from '../shared/partition-life.js';
import type { DecisionWriter } from './decision-writer.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { planRequestOf } from './plan-request.js';
import { planFailed, plannerFailedOver, planProposed, type PlannerCall } from './planner-events.js';
import { aboutMission } from './mission-log.js';

export interface PlannerCalls {
  /**
   * Asks for the revision that the mission waits for, unless that is under way. cause: event_id of the plan_requested;
   * null: not known, after a take-over.
   */
  call(mission: Mission, cause: string | null): void;
  /** Stops the call for a mission that needs no plan any more. */
  stop(missionId: string): void;
  stopAll(): void;
}

/** What the calls of one partition share. */
export interface PlannerCallDeps {
  readonly context: OrchestratorContext;
  readonly partition: number;
  readonly news: DecisionWriter['news'];
  held(): HeldClaim | null;
}

export function createPlannerCalls(parts: PlannerCallDeps): PlannerCalls {
  const { context } = parts;
  const calls = new Map<string, AbortController>();
  return {
    call(mission, causedBy) {
      if (calls.has(mission.id)) return;
      const controller = new AbortController();
      calls.set(mission.id, controller);
      context.deps.logger.info({ ...aboutMission(mission), revision: mission.revision }, 'planner.called');
      const owner = parts.held()?.owner ?? null;
      void answer(parts, { mission, causedBy, owner }, controller.signal)
        .catch((error: unknown) => {
          if (!(error instanceof AppendDropped)) context.onFatal(asError(error));
        })
        .finally(() => {
          if (calls.get(mission.id) === controller) calls.delete(mission.id);
        });
    },
    stop(missionId) {
      calls.get(missionId)?.abort(new Error(`mission ${missionId} needs no plan any more`));
      calls.delete(missionId);
    },
    stopAll() {
      for (const controller of calls.values()) controller.abort(new Error('the planner is stopped'));
      calls.clear();
    },
  };
}

type Answer = EventOf<'plan_proposed' | 'plan_failed'>;

/** Asks, and appends the answer, unless the call was stopped. */
async function answer(parts: PlannerCallDeps, call: PlannerCall, signal: AbortSignal): Promise<void> {
  const event = await ask(parts, call, signal);
  if (event === null || signal.aborted) return;
  try {
    await append(parts, event);
  } catch (error) {
    // The next planner would make the same plan; the mission must learn that the log refuses it.
    if (!(error instanceof AppendRejected)) throw error;
    const { tokens_in: tokensIn, tokens_out: tokensOut, cost_usd: costUsd } = event.payload;
    await append(parts, planFailed(parts.context, call, error, { tokensIn, tokensOut, costUsd }));
  }
}

/** What the planner says, or why it says nothing; null when the call was stopped. */
async function ask({ context, news }: PlannerCallDeps, call: PlannerCall, signal: AbortSignal): Promise<Answer | null> {
  const { planner, logger, metrics } = context.deps;
  const { mission } = call;
  try {
    const said = await planner.propose(planRequestOf(mission, call.causedBy), signal, (failover) => {
      metrics.failedOver(failover);
      news(plannerFailedOver(context, call, failover));
    });
    return planProposed(context, call, said);
  } catch (error) {
    if (signal.aborted) return null;
    if (error instanceof PlanningFailed) return planFailed(context, call, error, error.used);
    logger.error({ err: asError(error), ...aboutMission(mission) }, 'planner.broken');
    return planFailed(context, call, error, { tokensIn: 0, tokensOut: 0, costUsd: 0 });
  }
}

function append({ context, partition }: PlannerCallDeps, event: Answer): Promise<unknown> {
  const { appenders, topics } = context.deps;
  const { mission_id: key } = event.payload;
  return appenders.coordination.append({ topic: topics.coordination, partition, key, event });
}
