/** Watches the daily cap: a holder that has read that its partition has reached it begins nothing that costs. */
import type { AgentEvent } from '../../src/domain/events.js';
import { ownerOfDecision } from '../../src/domain/mission-evolve.js';
import type { CoordinationState } from '../../src/domain/mission-state.js';
import { Violation } from './violation.js';

/** A cap that people lift later. */
export interface SimCap {
  readonly tokens: number;
  /** ms since the epoch */
  readonly untilMs: number;
}

export interface CapOracle {
  onClaimed(owner: string, offset: number): void;
  /** After the fold of a record that was applied. @throws Violation */
  onApplied(event: AgentEvent, offset: number): void;
}

/** @param cap null: there is none, or processes do not know which day it is */
export function createCapOracle(place: string, state: CoordinationState, cap: SimCap | null): CapOracle {
  let reachedAt: number | null = null;
  /** When each owner has made the first decision after which it must have read that the cap is reached. */
  const knownSince = new Map<string, number>();

  /** It has read all before its claim, and decides again only when its own decisions were read back. */
  function noteDecision(owner: string, atMs: number): void {
    if (reachedAt !== null && !knownSince.has(owner)) knownSince.set(owner, atMs);
  }

  return {
    onClaimed: (owner) => noteDecision(owner, 0),
    onApplied(event, offset) {
      if (cap === null) return;
      const owner = ownerOfDecision(event);
      if (owner !== null) {
        // What is decided in one step has one time.
        const isKnown = (knownSince.get(owner) ?? Infinity) < event.timestamp;
        if (isKnown && costs(event) && event.timestamp < cap.untilMs)
          throw new Violation(
            'cap-is-kept',
            `${place}: ${event.event_type} at ${offset}, and ${owner} has read that the cap of ${cap.tokens} tokens ` +
              `was reached at ${reachedAt}`,
          );
        noteDecision(owner, event.timestamp);
      }
      if (state.today.tokens >= cap.tokens) reachedAt ??= offset;
    },
  };
}

/** Checks, and what only ends earlier attempts, cost nothing. */
function costs(event: AgentEvent): boolean {
  if (event.event_type === 'task_assigned') return event.payload.kind === 'task' && event.payload.only === null;
  return event.event_type === 'plan_requested';
}
