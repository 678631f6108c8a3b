/** Which topics an event belongs in. One that is elsewhere is misplaced: no fold takes it. */
import type { AgentEvent, EventType } from './events.js';
import { parseMissionId } from './mission-id.js';

export type EventPlace = 'coordination' | 'tasks' | 'status' | 'dead-letters';

const MISSION: readonly EventPlace[] = ['coordination'];
const JOURNAL: readonly EventPlace[] = ['tasks'];
const NEWS: readonly EventPlace[] = ['status'];
/** Decisions and their carrying out, results and their report, claims of either kind of partition. */
const BOTH: readonly EventPlace[] = ['coordination', 'tasks'];
const LETTERS: readonly EventPlace[] = ['dead-letters'];

/** Every type stands here, so that a new one cannot be forgotten. */
const PLACES: Readonly<Record<EventType, readonly EventPlace[]>> = {
  partition_opened: MISSION,
  partition_claimed: BOTH,
  mission_requested: MISSION,
  mission_cancel_requested: MISSION,
  mission_pause_requested: MISSION,
  mission_resume_requested: MISSION,
  mission_budget_requested: MISSION,
  mission_completed: MISSION,
  mission_failed: MISSION,
  mission_cancelled: MISSION,
  plan_requested: MISSION,
  plan_proposed: MISSION,
  plan_failed: MISSION,
  plan_approved: MISSION,
  plan_rejected: MISSION,
  attention_requested: MISSION,
  attention_answered: MISSION,
  wave_started: MISSION,
  wave_completed: MISSION,
  mission_waits: MISSION,
  budget_used: MISSION,
  squad_ready: MISSION,
  task_assigned: BOTH,
  task_cancelled: BOTH,
  task_suspended: BOTH,
  call_decided: BOTH,
  task_retry_scheduled: MISSION,
  task_accepted: MISSION,
  task_started: MISSION,
  task_progress: MISSION,
  model_failed_over: MISSION,
  snapshot_taken: MISSION,
  snapshot_missed: MISSION,
  task_retry_requested: MISSION,
  task_paused: MISSION,
  task_resumed: MISSION,
  call_answered: MISSION,
  approval_void: MISSION,
  request_accepted: MISSION,
  request_void: MISSION,
  task_completed: BOTH,
  task_failed: BOTH,
  call_proposed: JOURNAL,
  tool_called: JOURNAL,
  turn_reserved: JOURNAL,
  tool_returned: JOURNAL,
  connection_ended: JOURNAL,
  heartbeat: NEWS,
  request_status: NEWS,
  status_report: NEWS,
  circuit_changed: NEWS,
  service_starting: NEWS,
  service_ready: NEWS,
  service_unhealthy: NEWS,
  service_stopped: NEWS,
  dependency_required: NEWS,
  dependency_satisfied: NEWS,
  dead_letter_taken: LETTERS,
  dead_letter_redriven: LETTERS,
  dead_letter_discarded: LETTERS,
};

/** Why an event does not belong in the tasks partitions of an agent; null when it does. */
export function misplacedInTasks(agent: string, { event_type, payload }: AgentEvent): string | null {
  if (!belongsIn('tasks', event_type)) return `${event_type} does not belong in a tasks partition`;
  return 'agent' in payload && payload.agent !== agent
    ? `${event_type} is for ${payload.agent}, and the topic is that of ${agent}`
    : null;
}

/** Why an event does not belong in a coordination partition; null when it does. */
export function misplacedInCoordination(partition: number, { event_type, payload }: AgentEvent): string | null {
  if (!belongsIn('coordination', event_type)) return `${event_type} does not belong in a coordination partition`;
  if (!('mission_id' in payload)) return null;
  const parts = parseMissionId(payload.mission_id);
  if (parts === null) return `${payload.mission_id} is no mission id`;
  return parts.partition === partition
    ? null
    : `the events of mission ${payload.mission_id} belong in partition ${parts.partition}`;
}

export const belongsIn = (place: EventPlace, type: EventType): boolean => PLACES[type].includes(place);
