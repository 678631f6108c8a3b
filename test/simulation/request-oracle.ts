/** Watches what people and rogues ask: with operators only what an operator has signed counts. */
import type { AgentEvent } from '../../src/domain/events.js';
import type { Mission } from '../../src/domain/mission-state.js';
import { ROGUE, verifyInSimulation } from './rogues.js';
import { Violation } from './violation.js';

export interface RequestOracle {
  onWritten(event: AgentEvent): void;
  /** An event counts for a mission. */
  onApplied(mission: Mission, event: AgentEvent): void;
}

/** @param signs whether the swarm has operators */
export function createRequestOracle(place: string, signs: boolean): RequestOracle {
  /** Ids of the requests that an operator has signed. */
  const good = new Set<string>();

  function requireSigned(id: string, what: string): void {
    if (!good.has(id)) throw new Violation('signed-only', `${place}: ${what}, and ${id} is not signed`);
  }

  return {
    onWritten(event) {
      switch (event.event_type) {
        case 'mission_requested':
        case 'mission_cancel_requested':
        case 'mission_pause_requested':
        case 'mission_resume_requested':
        case 'mission_budget_requested':
        case 'plan_approved':
        case 'plan_rejected':
        case 'attention_answered':
        case 'task_retry_requested':
          if (verifyInSimulation(event, event.timestamp) === null) good.add(event.event_id);
      }
    },
    onApplied(mission, event) {
      if (!signs) return;
      switch (event.event_type) {
        case 'request_accepted':
          return requireSigned(event.payload.request_id, `${event.payload.request_type} is accepted`);
        case 'plan_proposed':
        case 'plan_failed':
          if (event.source_agent === ROGUE)
            throw new Violation('signed-only', `${place}: ${event.event_type} of ${mission.id} is a rogue's`);
          return;
        case 'plan_requested':
        case 'wave_started':
        case 'task_assigned':
          return requireSigned(mission.requestId, `${event.event_type} of ${mission.id}`);
        case 'task_cancelled':
        case 'mission_cancelled':
          if (event.payload.reason.includes(`by ${ROGUE}`))
            throw new Violation(
              'signed-only',
              `${place}: ${event.event_type} of ${mission.id}: ${event.payload.reason}`,
            );
      }
    },
  };
}
