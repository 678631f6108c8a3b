import type { AgentEvent, EventOf } from '../../src/domain/events.js';

export const SPAN_KINDS = ['invoke_workflow', 'invoke_agent', 'chat', 'execute_tool', 'check'] as const;

/** What the spans of these events must be made from, sorted, by the first word of their names. */
export function spanSeedsOf(events: readonly AgentEvent[]): Record<(typeof SPAN_KINDS)[number], string[]> {
  const of = (seeds: (event: AgentEvent) => readonly string[]): string[] => events.flatMap(seeds).sort();
  return {
    invoke_workflow: of((event) => (event.event_type === 'mission_requested' ? [event.event_id] : [])),
    // A decision and its copy in the tasks partition are one event.
    invoke_agent: of((event) =>
      event.event_type === 'task_assigned' && event.payload.source === null ? [event.event_id] : [],
    ),
    chat: of((event) =>
      event.event_type === 'tool_called' && event.payload.model_ms !== null && event.payload.model !== 'playbook'
        ? [`${event.event_id} chat`]
        : [],
    ),
    execute_tool: of((event) => (event.event_type === 'tool_called' ? [event.event_id] : [])),
    check: of((event) => (event.event_type === 'tool_called' ? checksOf(events, event) : [])),
  };
}

function checksOf(events: readonly AgentEvent[], { event_id, payload }: EventOf<'tool_called'>): readonly string[] {
  const keyOf = ({ mission_id, task_id, attempt, step }: typeof payload | EventOf<'tool_returned'>['payload']) =>
    [mission_id, task_id, attempt, step].join();
  const outcome = events.find(
    (event) => event.event_type === 'tool_returned' && keyOf(event.payload) === keyOf(payload),
  );
  if (outcome?.event_type !== 'tool_returned') return [];
  return (outcome.payload.checks ?? []).map((_, index) => `${event_id} check ${index}`);
}
