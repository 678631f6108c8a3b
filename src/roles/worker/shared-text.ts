/** One copy of a text for all attempts that carry it: a mission's brief comes with each of its tasks. */
import type { PayloadOf } from '../../domain/events.js';

export type ShareText = (assignment: PayloadOf<'task_assigned'>) => PayloadOf<'task_assigned'>;

/**
 * Characters of the briefs and what else is shared, the briefs of ten thousand ordinary missions; then it starts again,
 * which costs a second copy of what is still open and nothing else. A brief may be as large as a record (1 MB).
 */
const MOST_CHARACTERS = 8_000_000;

export function createSharedText(): ShareText {
  const texts = new Map<string, string>();
  let characters = 0;
  function share<T extends string | null>(text: T): T | string {
    if (text === null) return text;
    const known = texts.get(text);
    if (known !== undefined) return known;
    if (characters + text.length > MOST_CHARACTERS) {
      texts.clear();
      characters = 0;
    }
    texts.set(text, text);
    characters += text.length;
    return text;
  }
  return (assignment) => ({
    ...assignment,
    mission_id: share(assignment.mission_id),
    brief: share(assignment.brief),
    agent: share(assignment.agent),
    owner: share(assignment.owner),
    playbook: share(assignment.playbook),
    agent_digest: share(assignment.agent_digest),
    workspace: share(assignment.workspace),
    workspace_marker: share(assignment.workspace_marker),
    source: assignment.source === null ? null : { ...assignment.source, epoch: share(assignment.source.epoch) },
  });
}
