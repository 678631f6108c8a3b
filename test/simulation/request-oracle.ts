/**
 * Watches what people and rogues ask: with operators only what an operator has signed counts, and no approval by who
 * has requested the mission.
 */
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import type { Mission } from '../../src/domain/mission-state.js';
import { ROGUE, verifyAnswerInSimulation, verifyInSimulation } from './rogues.js';
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

  function requireColleague({ id, request }: Mission, approvedBy: string): void {
    if (approvedBy === request.requested_by)
      throw new Violation('four-eyes', `${place}: ${approvedBy} has requested ${id}, and approves`);
  }

  function checkAnswer(mission: Mission, answer: PayloadOf<'call_decided'>): void {
    const { approval_id, answered_by, approved } = answer;
    if (verifyAnswerInSimulation(answer, 0) !== null)
      throw new Violation('signed-only', `${place}: ${answered_by} decides about ${approval_id} without a signature`);
    if (approved) requireColleague(mission, answered_by);
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
        case 'call_decided':
          return checkAnswer(mission, event.payload);
        case 'request_accepted':
          if (event.payload.request_type === 'plan_approved') requireColleague(mission, event.payload.requested_by);
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
