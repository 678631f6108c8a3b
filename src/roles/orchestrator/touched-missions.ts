/** Missions to decide for at the next tick: which of their tasks have changed, and what asks for a decision. */
import type { AgentEvent } from '../../domain/events.js';
import { mustWait } from '../../domain/mission-requests.js';
import type { Mission } from '../../domain/mission-state.js';
import { createTriggers, type Triggers } from './decision-cause.js';

/** Ids of a mission's tasks whose waits may have changed. */
export type ChangedTasks = 'all' | Iterable<string>;

export interface TouchedMission {
  readonly tasks: 'all' | ReadonlySet<string>;
  readonly triggers: Triggers;
}

export interface TouchedMissions {
  /** event: the record that asks for a decision; null where none does (a timer, a take-over). */
  touch(missionId: string, tasks: ChangedTasks, event: AgentEvent | null): void;
  /** By mission id, since clear. */
  all(): ReadonlyMap<string, TouchedMission>;
  clear(): void;
}

export function createTouchedMissions(): TouchedMissions {
  const touched = new Map<string, { tasks: 'all' | Set<string>; readonly triggers: Triggers }>();
  return {
    touch(missionId, tasks, event) {
      const known = touched.get(missionId) ?? { tasks: new Set<string>(), triggers: createTriggers() };
      touched.set(missionId, known);
      if (tasks === 'all') known.tasks = 'all';
      else if (known.tasks !== 'all') for (const id of tasks) known.tasks.add(id);
      if (event === null) known.triggers.onOther();
      else known.triggers.onRecord(event);
    },
    all: () => touched,
    clear: () => touched.clear(),
  };
}

/**
 * Tasks whose waits an event may change: one at most, but for those that change the plan or the mission.
 * @param mission before the event was folded; undefined: there is none
 */
export function tasksChangedBy(event: AgentEvent, mission: Mission | undefined): ChangedTasks {
  // Anyone may write a request that waits, and a mission may be asked about each of its tasks.
  if (mission !== undefined && mustWait(mission, event)) return [];
  if (event.event_type !== 'request_accepted') return changedByItself(event);
  const asked = mission?.waitingRequests.get(event.payload.request_id);
  return asked === undefined ? [] : changedByItself(asked.event);
}

function changedByItself({ event_type, payload }: AgentEvent): ChangedTasks {
  switch (event_type) {
    case 'wave_started':
    case 'wave_completed':
    case 'squad_ready':
    case 'model_failed_over':
    case 'snapshot_taken':
    case 'snapshot_missed':
    case 'request_void':
    case 'mission_waits':
    case 'budget_used':
    case 'mission_budget_requested':
      return [];
    case 'attention_requested':
      return 'all';
    default:
      return 'task_id' in payload && payload.task_id !== null ? [payload.task_id] : 'all';
  }
}
