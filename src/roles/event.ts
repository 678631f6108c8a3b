import type { EventOf, EventType, PayloadOf } from '../domain/events.js';
import type { Clock, Ids } from '../ports/clock.js';

export interface Envelope<T extends EventType> {
  readonly type: T;
  readonly from: string;
  readonly to?: string | null;
  readonly missionId?: string | null;
  readonly payload: PayloadOf<T>;
}

export type CreateEvent = <T extends EventType>(envelope: Envelope<T>) => EventOf<T>;

/** Puts payloads into envelopes. */
export function createEventFactory({ clock, ids }: { readonly clock: Clock; readonly ids: Ids }): CreateEvent {
  return <T extends EventType>({ type, from, to = null, missionId = null, payload }: Envelope<T>) => {
    const event = { event_id: ids.uuid(), event_type: type, source_agent: from, target_agent: to, timestamp: clock.now(), correlation_id: missionId, payload };
    // The generated union ties event_type to payload as Envelope<T> does; TypeScript cannot follow that through a generic.
    return event as unknown as EventOf<T>;
  };
}
