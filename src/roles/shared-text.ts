/** One copy of a text for all attempts that carry it: a mission's brief comes with each of its tasks. */
import type { PayloadOf } from '../domain/events.js';

export type ShareText = (assignment: PayloadOf<'task_assigned'>) => PayloadOf<'task_assigned'>;

/** Briefs of so many missions and what else they share; then it begins anew, which costs a second copy and nothing else. */
const MOST_TEXTS = 10_000;

export function createSharedText(): ShareText {
  const texts = new Map<string, string>();
  function share<T extends string | null>(text: T): T | string {
    if (text === null) return text;
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (texts.size >= MOST_TEXTS) texts.clear();
    texts.set(text, text);
    return text;
  }
  return (assignment) => ({
    ...assignment,
    mission_id: share(assignment.mission_id), brief: share(assignment.brief), agent: share(assignment.agent), owner: share(assignment.owner),
    playbook: share(assignment.playbook), workspace: share(assignment.workspace), workspace_marker: share(assignment.workspace_marker),
    source: assignment.source === null ? null : { ...assignment.source, epoch: share(assignment.source.epoch) },
  });
}
