import type { EventOf, EventType, PayloadOf } from './events.js';

/** Where an event's time and id come from. */
export interface EventSources {
  /** now: ms since the epoch. */
  readonly clock: { now(): number };
  readonly ids: { uuid(): string };
}

export interface Envelope<T extends EventType> {
  readonly type: T;
  readonly from: string;
  readonly to?: string | null;
  readonly missionId?: string | null;
  /** event_id of the event that caused it; absent: none did, or it is not known which. */
  readonly causedBy?: string | null;
  readonly payload: PayloadOf<T>;
}

export type CreateEvent = <T extends EventType>(envelope: Envelope<T>) => EventOf<T>;

/** Puts payloads into envelopes. */
export function createEventFactory({ clock, ids }: EventSources): CreateEvent {
  return <T extends EventType>({ type, from, to = null, missionId = null, causedBy = null, payload }: Envelope<T>) => {
    const event = {
      event_id: ids.uuid(),
      event_type: type,
      source_agent: from,
      target_agent: to,
      timestamp: clock.now(),
      correlation_id: missionId,
      causation_id: causedBy,
      payload,
    };
    // The generated union ties event_type to payload as Envelope<T> does; TypeScript cannot follow that through a
    // generic.
    return event as unknown as EventOf<T>;
  };
}
