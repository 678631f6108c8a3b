/** Events as the machines read them, and their places in a log. */
import type { AgentEvent, EventOf, EventType, PayloadOf } from '../../../src/domain/events.js';
import type { FoldRecord } from '../../../src/domain/record.js';

/** 2026-11-23T14:15:02.417Z, when the tests' missions are made. */
export const T0 = Date.UTC(2026, 10, 23, 14, 15, 2, 417);

let events = 0;

/** An event in its envelope. */
export function eventOf<T extends EventType>(type: T, payload: PayloadOf<T>): EventOf<T> {
  events += 1;
  const event = {
    event_id: `event-${events}`,
    event_type: type,
    source_agent: 'test',
    target_agent: null,
    timestamp: T0,
    correlation_id: null,
    payload,
  };
  // The union ties event_type to payload as the parameters do; TypeScript cannot follow that through a generic.
  return event as unknown as EventOf<T>;
}

/** The records of a log that begins at an offset, a millisecond apart. */
export function recordsOf(log: readonly AgentEvent[], firstOffset = 0): readonly FoldRecord[] {
  return log.map((event, index) => ({ offset: firstOffset + index, timestampMs: T0 + firstOffset + index, event }));
}

export interface Random {
  /** At least 0 and below 1. */
  next(): number;
  /** A whole number from 0, below limit. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** Mulberry32: the same numbers for the same seed, everywhere. */
export function seededRandom(seed: number): Random {
  let state = Math.imul(seed, 2654435761) | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick(from) {
      const found = from[below(from.length)];
      if (found === undefined) throw new RangeError('nothing to pick from');
      return found;
    },
  };
}
