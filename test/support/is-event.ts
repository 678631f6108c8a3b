import type { AgentEvent, EventOf } from '../../src/domain/events.js';

/** Whether an event is of a type. */
export const is =
  <T extends AgentEvent['event_type']>(type: T) =>
  (event: AgentEvent): event is EventOf<T> =>
    event.event_type === type;
