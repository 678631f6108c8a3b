import type { AgentEvent } from '../domain/events.js';

/** The mission that an event belongs to, or null. */
export function missionOf(event: AgentEvent): string | null {
  if ('mission_id' in event.payload) return event.payload.mission_id;
  if ('metadata' in event.payload) return event.payload.metadata['mission_id'] ?? event.correlation_id ?? null;
  return event.correlation_id ?? null;
}
