import { boundaryOf } from '../../agent/data-block.js';
import type { PlanRequest } from '../../agent/planner-contract.js';
import { leftForPlanning } from '../../domain/mission-budget.js';
import { lastWaveOf, planAnswerOf, planReasonOf, type Mission } from '../../domain/mission-state.js';
import { endedWell } from '../../domain/mission-task-state.js';

/**
 * What the planner is asked for the mission's revision, or for the next one.
 * @param cause event_id of the plan_requested; null: there is none yet, or it is not known
 */
export function planRequestOf(mission: Mission, cause: string | null, revision = mission.revision): PlanRequest {
  return {
    mission: mission.request,
    revision,
    reason: planReasonOf(mission),
    answer: planAnswerOf(mission),
    firstWave: lastWaveOf(mission) + 1,
    done: [...mission.tasks.values()]
      .filter((task) => task.kind === 'task' && endedWell(task))
      .map((task) => ({ taskId: task.id, agent: task.plan.agent, summary: task.summary })),
    available: leftForPlanning(mission),
    boundary: boundaryOf(cause ?? `${mission.id} ${revision}`),
  };
}
