import type { AgentEvent, PayloadOf } from '../../domain/events.js';
import { isOpen, type Mission } from '../../domain/mission-state.js';
import { hasOpenAttempt, type MissionTask } from '../../domain/mission-task-state.js';
import { timerKeys } from '../../domain/mission-timers.js';
import { withoutWorkerMessage } from '../../domain/without-worker.js';
import type { OrchestratorContext } from './orchestrator-context.js';
import { aboutMission } from './mission-log.js';

/**
 * Says of each open attempt that it waits because no live worker serves its agent, and since when: of an assignment
 * that no worker takes, and of a task whose worker is gone. Takes it back when a worker is there.
 */
export interface WithoutWorkerAnnouncer {
  /** Of these tasks of the mission: those to which something has happened, or all when workers have come or gone. */
  announce(mission: Mission, tasks: Iterable<MissionTask>): void;
  /** The claim is lost: what the next holder says counts. */
  reset(): void;
}

export function createWithoutWorkerAnnouncer(
  context: OrchestratorContext,
  isExpired: (timerKey: string) => boolean,
  send: (event: AgentEvent) => void,
): WithoutWorkerAnnouncer {
  const { live, deps, createEvent } = context;
  /** What was sent last for an attempt, and is not read back yet or is in the fold; by the attempt's timer key. */
  const told = new Map<string, number | null>();

  /** When the attempt's agent lost its last worker; null: it has one, or the assignment is too new to worry. */
  function withoutWorkerSince(mission: Mission, task: MissionTask): number | null {
    // Its worker may not have been heard of yet: an assignment is given a moment, an orchestrator that has just begun
    // too.
    const isKnown =
      task.status === 'assigned'
        ? isExpired(timerKeys.withoutWorker(mission.id, task.id, task.attempt))
        : live.observedFullInterval();
    return isKnown ? live.withoutWorkerSinceMs(task.plan.agent) : null;
  }

  function tell(mission: Mission, task: MissionTask, sinceMs: number | null): void {
    const { agent } = task.plan;
    if (sinceMs === null)
      deps.logger.info({ ...aboutMission(mission), task_id: task.id, agent }, 'task.with_worker_again');
    else
      deps.logger.warn(
        { ...aboutMission(mission), task_id: task.id, agent, since: new Date(sinceMs).toISOString() },
        'task.without_worker',
      );
    send(
      createEvent({
        type: 'task_progress',
        from: 'orchestrator',
        missionId: mission.id,
        payload: progressOf(mission, task, sinceMs),
      }),
    );
  }

  return {
    announce(mission, tasks) {
      for (const task of tasks) {
        const key = timerKeys.withoutWorker(mission.id, task.id, task.attempt);
        if (!isOpen(mission) || !hasOpenAttempt(task)) {
          told.delete(key);
          continue;
        }
        const sinceMs = withoutWorkerSince(mission, task);
        // The first holder's word is good enough for the next one: it saw the worker go.
        const known = told.has(key) ? told.get(key) : task.withoutWorkerSinceMs;
        if ((known === null) === (sinceMs === null)) continue;
        told.set(key, sinceMs);
        tell(mission, task, sinceMs);
      }
    },
    reset: () => told.clear(),
  };
}

/** What the mission's readers see of an attempt that waits for a worker, or of one that has a worker again. */
function progressOf(mission: Mission, task: MissionTask, sinceMs: number | null): PayloadOf<'task_progress'> {
  const { agent } = task.plan;
  return {
    task_id: task.id,
    mission_id: mission.id,
    attempt: task.attempt,
    step: 0,
    tool: null,
    percent_complete: 0,
    substeps_completed: 0,
    substeps_total: 0,
    message:
      sinceMs === null
        ? `a worker for ${agent} is there again`
        : withoutWorkerMessage({ agent, since: new Date(sinceMs).toISOString(), unknown: false }),
    unserved_since: sinceMs,
    unknown_agent: false,
  };
}
