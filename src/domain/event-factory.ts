import type { EventOf, EventType, PayloadOf } from './events.js';

/** Where an event's time and id come from. */
export interface EventSources {
  /** now: ms since the epoch. */
  readonly clock: { now(): number };
  readonly ids: { uuid(): string };
  /** off: this process runs commands without a sandbox, and each of its events says so. */
  readonly sandbox?: 'off';
}

export interface Envelope<T extends EventType> {
  readonly type: T;
  readonly from: string;
  readonly to?: string | null;
  readonly missionId?: string | null;
  /** event_id of the event that caused it; absent: none did, or it is not known which. */
  readonly causedBy?: string | null;
  /** off: what the event is about ran without a sandbox. Absent: as this process runs commands. */
  readonly sandbox?: 'off' | null;
  readonly payload: PayloadOf<T>;
}

export type CreateEvent = <T extends EventType>(envelope: Envelope<T>) => EventOf<T>;

/** Puts payloads into envelopes. */
export function createEventFactory({ clock, ids, sandbox }: EventSources): CreateEvent {
  return <T extends EventType>(envelope: Envelope<T>) => {
    const event = {
      event_id: ids.uuid(),
      event_type: envelope.type,
      source_agent: envelope.from,
      target_agent: envelope.to ?? null,
      timestamp: clock.now(),
      correlation_id: envelope.missionId ?? null,
      causation_id: envelope.causedBy ?? null,
      sandbox: sandbox ?? envelope.sandbox ?? null,
      payload: envelope.payload,
    };
    // The generated union ties event_type to payload as Envelope<T> does; TypeScript cannot follow that through a
    // generic.
    return event as unknown as EventOf<T>;
  };
}
