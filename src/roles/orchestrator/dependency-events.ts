import type { AgentEvent } from '../../domain/events.js';
import type { Mission } from '../../domain/mission-state.js';
import type { MissionTask } from '../../domain/mission-task-state.js';
import type { OrchestratorContext } from './orchestrator-context.js';

/** Tells watchers, on the status topic, which task waits for which, and when the wait is over. */
export function publishDependencyEvents({ presence }: OrchestratorContext, mission: Mission, event: AgentEvent): void {
  if (isPlanApproved(mission, event)) {
    for (const task of mission.tasks.values()) {
      if (!isWaiting(task)) continue;
      for (const id of task.plan.dependencies)
        presence.send({ type: 'dependency_required', ...news(mission, task, id, event.event_id) });
    }
  }
  if (event.event_type === 'task_completed') {
    const { task_id } = event.payload;
    for (const id of mission.index.dependents.get(task_id) ?? []) {
      const task = mission.tasks.get(id);
      if (task !== undefined && isWaiting(task))
        presence.send({ type: 'dependency_satisfied', ...news(mission, task, task_id, event.event_id) });
    }
  }
}

/** Approved by the event, and not only asked to be. */
const isPlanApproved = ({ planning }: Mission, event: AgentEvent): boolean =>
  planning.kind === 'approved' &&
  (event.event_type === 'plan_approved' ||
    (event.event_type === 'request_accepted' && event.payload.request_type === 'plan_approved'));

const isWaiting = (task: MissionTask): boolean => task.kind === 'task' && task.status === 'waiting';

function news(mission: Mission, task: MissionTask, dependency: string, causedBy: string) {
  return {
    from: 'orchestrator',
    causedBy,
    to: task.plan.agent,
    missionId: mission.id,
    payload: {
      requesting_agent: task.plan.agent,
      dependency_type: 'task',
      dependency_name: dependency,
      required_by: task.id,
      metadata: { mission_id: mission.id },
    },
  };
}
