import type { AgentEvent } from '../domain/events.js';
import type { Mission } from '../domain/mission-state.js';
import { timerKeys } from '../domain/mission-timers.js';
import type { OrchestratorContext } from './orchestrator-context.js';

/** Says once for each assignment that it waits because no worker serves its agent. */
export interface UnservedAnnouncer {
  announce(mission: Mission): void;
  reset(): void;
}

export function createUnservedAnnouncer(context: OrchestratorContext, isExpired: (timerKey: string) => boolean, send: (event: AgentEvent) => void): UnservedAnnouncer {
  const announced = new Set<string>();
  return {
    announce(mission) {
      for (const task of mission.tasks.values()) {
        const { agent } = task.plan;
        const key = timerKeys.unserved(mission.id, task.id, task.attempt);
        if (task.status !== 'assigned' || !isExpired(key) || announced.has(key) || context.live.isServed(agent)) continue;
        announced.add(key);
        context.deps.logger.warn({ mission_id: mission.id, task_id: task.id, agent }, 'task.unserved');
        send(context.createEvent({
          type: 'task_progress', from: 'orchestrator', missionId: mission.id,
          payload: {
            task_id: task.id, mission_id: mission.id, attempt: task.attempt, step: 0, tool: null, percent_complete: 0, substeps_completed: 0, substeps_total: 0,
            message: `no live worker for ${agent}; start one: npx ravenhelm --role worker --agents ${agent}`,
          },
        }));
      }
    },
    reset: () => announced.clear(),
  };
}
