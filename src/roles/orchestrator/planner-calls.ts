/** Calls the planner beside the consumer and appends what it says. */
import { PlanningFailed, type PlanRequest } from '../../agent/planner-contract.js';
import { backoffMs } from '../../domain/backoff.js';
import { lastWaveOf, planReasonOf, type Mission } from '../../domain/mission-state.js';
import { endedWell } from '../../domain/mission-task-state.js';
import { leftForPlanning } from '../../domain/mission-budget.js';
import type { EventOf } from '../../domain/events.js';
import { AppendDropped, AppendRejected } from '../../ports/log.js';
import { asError } from '../../domain/as-error.js';
import type { DecisionWriter } from './decision-writer.js';
import type { OrchestratorContext } from './orchestrator-context.js';

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

/** What the planner is asked for the mission's revision, or for the next one. */
export function planRequestOf(mission: Mission, revision = mission.revision): PlanRequest {
  return {
    mission: mission.request,
    revision,
    reason: planReasonOf(mission),
    firstWave: lastWaveOf(mission) + 1,
    done: [...mission.tasks.values()]
      .filter((task) => task.kind === 'task' && endedWell(task))
      .map((task) => ({ taskId: task.id, agent: task.plan.agent, summary: task.summary })),
    available: leftForPlanning(mission),
  };
}

export function createPlannerCalls(
  context: OrchestratorContext,
  partition: number,
  news: DecisionWriter['news'],
): PlannerCalls {
  const { planner, appenders, topics, logger } = context.deps;
  const calls = new Map<string, AbortController>();

  async function propose(mission: Mission, causedBy: string | null, signal: AbortSignal): Promise<void> {
    const { id, revision } = mission;
    const envelope = { from: 'planner', to: 'orchestrator', missionId: id, causedBy };
    let event: EventOf<'plan_proposed' | 'plan_failed'>;
    try {
      const answer = await planner.propose(planRequestOf(mission), signal, ({ fromModel, toModel, reason, cause }) => {
        const failover = { from_model: fromModel, to_model: toModel, reason, cause };
        news(
          context.createEvent({
            type: 'model_failed_over',
            ...envelope,
            payload: {
              mission_id: id,
              task_id: null,
              attempt: null,
              step: null,
              revision,
              agent: 'planner',
              ...failover,
            },
          }),
        );
      });
      const { plan, refusals, tokensIn, tokensOut, costUsd } = answer;
      event = context.createEvent({
        type: 'plan_proposed',
        ...envelope,
        payload: {
          mission_id: id,
          revision,
          planner: answer.planner,
          model: answer.model,
          refusals: [...refusals],
          plan,
          tokens_in: tokensIn,
          tokens_out: tokensOut,
          cost_usd: costUsd,
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof PlanningFailed)) logger.error({ err: asError(error), mission_id: id }, 'planner.broken');
      event = planFailed(
        { mission, causedBy },
        error,
        error instanceof PlanningFailed ? error.used : { tokensIn: 0, tokensOut: 0, costUsd: 0 },
      );
    }
    if (signal.aborted) return;
    try {
      await append(id, event);
    } catch (error) {
      // The next planner would make the same plan; the mission must learn that the log refuses it.
      if (!(error instanceof AppendRejected)) throw error;
      const { tokens_in: tokensIn, tokens_out: tokensOut, cost_usd: costUsd } = event.payload;
      await append(id, planFailed({ mission, causedBy }, error, { tokensIn, tokensOut, costUsd }));
    }
  }

  const append = (missionId: string, event: EventOf<'plan_proposed' | 'plan_failed'>) =>
    appenders.coordination.append({ topic: topics.coordination, partition, key: missionId, event });

  function planFailed(
    { mission, causedBy }: { readonly mission: Mission; readonly causedBy: string | null },
    error: unknown,
    { tokensIn, tokensOut, costUsd }: PlanningFailed['used'],
  ): EventOf<'plan_failed'> {
    const { id, revision } = mission;
    return context.createEvent({
      type: 'plan_failed',
      from: 'planner',
      to: 'orchestrator',
      missionId: id,
      causedBy,
      payload: {
        mission_id: id,
        revision,
        error: asError(error).message,
        code: error instanceof PlanningFailed ? error.code : 'planning_failed',
        retry_in_ms: retryInMs(mission, error),
        tokens_in: tokensIn,
        tokens_out: tokensOut,
        cost_usd: costUsd,
      },
    });
  }

  /** null: the same request would fail again. Part of the record, so that every holder waits for as long. */
  function retryInMs({ plannerWait }: Mission, error: unknown): number | null {
    if (!(error instanceof PlanningFailed) || !error.retriable) return null;
    return Math.round(backoffMs((plannerWait?.calls ?? 0) + 1, context.timings.plannerBackoff, context.deps.random));
  }

  return {
    call(mission, cause) {
      if (calls.has(mission.id)) return;
      const controller = new AbortController();
      calls.set(mission.id, controller);
      logger.info({ mission_id: mission.id, revision: mission.revision }, 'planner.called');
      void propose(mission, cause, controller.signal)
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
