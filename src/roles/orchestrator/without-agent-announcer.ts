import type { AgentEvent } from '../../domain/events.js';
import { isOpen, type Mission } from '../../domain/mission-state.js';
import { waitsForAttempt, type MissionTask } from '../../domain/mission-task-state.js';
import { withoutWorkerMessage } from '../../domain/without-worker.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { aboutMission } from './mission-log.js';

/** Says of each task that gets no attempt that the orchestrator does not have its agent, and since when. */
export interface WithoutAgentAnnouncer {
  /** Of these tasks of the mission: those to which something has happened, or all when the agents have changed. */
  announce(mission: Mission, tasks: Iterable<MissionTask>, missing: readonly string[]): void;
  /** The claim is lost: what the next holder says counts. */
  reset(): void;
}

export function createWithoutAgentAnnouncer(
  { createEvent, deps }: OrchestratorContext,
  send: (event: AgentEvent) => void,
): WithoutAgentAnnouncer {
  /** Of which attempts it was said, and is not read back yet or is in the fold. */
  const told = new Set<string>();

  function tell(mission: Mission, { id: task_id, attempt, plan: { agent } }: MissionTask): void {
    const sinceMs = deps.clock.now();
    const since = new Date(sinceMs).toISOString();
    deps.logger.warn({ ...aboutMission(mission), task_id, agent, since }, 'task.without_agent');
    send(
      createEvent({
        type: 'task_progress',
        from: 'orchestrator',
        missionId: mission.id,
        payload: {
          task_id,
          mission_id: mission.id,
          attempt,
          step: 0,
          tool: null,
          percent_complete: 0,
          substeps_completed: 0,
          substeps_total: 0,
          message: withoutWorkerMessage({ agent, since, unknown: true }),
          unserved_since: sinceMs,
          unknown_agent: true,
        },
      }),
    );
  }

  return {
    announce(mission, tasks, missing) {
      if (!isOpen(mission) || (missing.length === 0 && told.size === 0)) return;
      for (const task of tasks) {
        const key = `${mission.id}/${task.id}/${task.attempt}`;
        const isMissing = waitsForAttempt(task) && missing.includes(task.plan.agent);
        if (!isMissing) told.delete(key);
        else if (!task.unknownAgent && !told.has(key)) {
          told.add(key);
          tell(mission, task);
        }
      }
    },
    reset: () => told.clear(),
  };
}
