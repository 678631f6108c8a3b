/** Which topics an event belongs in. One that stands elsewhere is misplaced: no fold takes it. */
import type { EventType } from './events.js';

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
  mission_completed: MISSION,
  mission_failed: MISSION,
  mission_cancelled: MISSION,
  plan_requested: MISSION,
  plan_proposed: MISSION,
  plan_failed: MISSION,
  plan_approved: MISSION,
  plan_rejected: MISSION,
  wave_started: MISSION,
  wave_completed: MISSION,
  squad_ready: MISSION,
  task_assigned: BOTH,
  task_cancelled: BOTH,
  task_accepted: MISSION,
  task_started: MISSION,
  task_progress: MISSION,
  task_retry_requested: MISSION,
  task_completed: BOTH,
  task_failed: BOTH,
  tool_called: JOURNAL,
  turn_reserved: JOURNAL,
  tool_returned: JOURNAL,
  heartbeat: NEWS,
  request_status: NEWS,
  status_report: NEWS,
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

export const belongsIn = (place: EventPlace, type: EventType): boolean => PLACES[type].includes(place);
