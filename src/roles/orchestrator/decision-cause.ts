/** Which record led to a decision, so that its event can name its cause. */
import type { AgentEvent, EventType } from '../../domain/events.js';
import type { Decision } from '../../domain/mission-decide.js';

/** Records after which nothing new is to be decided: progress, and decisions that only wait for their answer. */
const NO_CAUSE: ReadonlySet<EventType> = new Set([
  'plan_requested',
  'wave_started',
  'squad_ready',
  'task_assigned',
  'budget_used',
  'task_suspended',
  'task_accepted',
  'task_started',
  'task_progress',
  'task_paused',
  'task_resumed',
  'model_failed_over',
  'snapshot_taken',
  'snapshot_missed',
] satisfies EventType[]);

/** What has happened to a mission since its last decisions. */
export interface Triggers {
  onRecord(event: AgentEvent): void;
  /** Something other than a record asks for a decision: a timer that ran out, or a take-over. */
  onOther(): void;
  /** event_id of the record that led to the decision; null where there is none, or it is not certain which it was. */
  causeOf(decision: Decision): string | null;
}

export function createTriggers(): Triggers {
  const lastOfTask = new Map<string, string>();
  let last: string | null = null;
  let other = false;
  return {
    onRecord({ event_id, event_type, payload }) {
      if (NO_CAUSE.has(event_type)) return;
      last = event_id;
      if ('task_id' in payload && payload.task_id !== null) lastOfTask.set(payload.task_id, event_id);
    },
    onOther() {
      other = true;
    },
    causeOf({ payload }) {
      const taskId = 'task_id' in payload ? payload.task_id : null;
      const ofTask = taskId === null ? undefined : lastOfTask.get(taskId);
      return ofTask ?? (other ? null : last);
    },
  };
}
