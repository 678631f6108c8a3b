/**
 * What a record may require of the build that handles it. A later build that gives missions or tasks a new meaning
 * names
 * it in `requires`; a build that does not know the name stops the partition before the record, as it does before an
 * event type that it does not know, instead of handling it as if the name were not there.
 *
 * To add one: append its name here in the same change that handles it, and write the name into `requires` only of the
 * missions and tasks that need it. An orchestrator that knows a mission's requirement decides which of its tasks
 * require something of their worker.
 */
import type { AgentEvent } from './events.js';

/**
 * Its attempts run in the workspace of another mission, with that one's locks and fences; an attempt may be for a part
 * of its task only (`only`).
 */
export const WORKSPACE_OF = 'workspace_of';

/**
 * Of a mission and each of its tasks: before a task begins, its worker takes a snapshot of the workspace, unless one of
 * the same wave has done so.
 */
export const SNAPSHOTS = 'snapshots';
/** Of the tasks of the last wave, behind which no task follows: a snapshot is taken when the task has ended, too. */
export const SNAPSHOT_AT_END = 'snapshot_at_end';

/** Of a mission and its tasks: their commands have the mission's inputs as environment variables. */
export const INPUTS = 'inputs';

/** The names that this build knows. */
const KNOWN_REQUIREMENTS: readonly string[] = [WORKSPACE_OF, SNAPSHOTS, SNAPSHOT_AT_END, INPUTS];

/** Why this build cannot handle the event; null when it can. */
export function unmetRequirement(event: AgentEvent, known: readonly string[] = KNOWN_REQUIREMENTS): string | null {
  if (event.event_type !== 'mission_requested' && event.event_type !== 'task_assigned') return null;
  const unknown = event.payload.requires.filter((name) => !known.includes(name));
  return unknown.length === 0
    ? null
    : `${event.event_type} requires ${unknown.join(', ')}, which this build does not know; upgrade it`;
}
