/** Requests and answers of people of which no mission can take note: there is none, or it has ended. Pure. */
import type { AgentEvent, EventOf } from './events.js';
import { isOpen, type Mission } from './mission-state.js';
import { personOf, requestFault, type RequestFault, type RequestType, type VerifyRequest } from './requests.js';
import { VOID_REASONS, type VerifyAnswer, type VoidCode } from './waiting-call.js';

export interface UnrecordedFault {
  readonly code: RequestFault['code'] | VoidCode;
  readonly reason: string;
  /** Who it says has written it. */
  readonly person: string;
  readonly missionId: string;
}

/** Absent: this swarm has no operators, and nothing needs a signature. */
export interface Verifying {
  readonly verifyRequest?: VerifyRequest;
  readonly verifyAnswer?: VerifyAnswer;
}

/**
 * Why an event that the fold made nothing of has no valid signature, and needs one.
 * @param mission undefined: there is none
 * @return null where it has a valid one, needs none, or is in its mission's record
 */
export function faultOfUnrecorded(
  event: AgentEvent,
  atMs: number,
  mission: Mission | undefined,
  { verifyRequest, verifyAnswer }: Verifying,
): UnrecordedFault | null {
  if (mission !== undefined && isOpen(mission) && event.event_type !== 'mission_requested') return null;
  if (event.event_type === 'call_answered') {
    const { mission_id: missionId, answered_by: person } = event.payload;
    const code = verifyAnswer?.(event.payload, atMs) ?? null;
    return code === null ? null : { code, reason: VOID_REASONS[code], person, missionId };
  }
  if (verifyRequest === undefined || !isRequest(event) || isHoldersApproval(event, mission)) return null;
  const fault = requestFault(event, atMs, verifyRequest);
  return fault === null ? null : { ...fault, person: personOf(event), missionId: event.payload.mission_id };
}

/** The types of what people ask. */
export const REQUEST_TYPES: Readonly<Record<RequestType, true>> = {
  mission_requested: true,
  mission_cancel_requested: true,
  plan_approved: true,
  plan_rejected: true,
  attention_answered: true,
  task_retry_requested: true,
  mission_pause_requested: true,
  mission_resume_requested: true,
  mission_budget_requested: true,
};
const isRequest = (event: AgentEvent): event is EventOf<RequestType> => Object.hasOwn(REQUEST_TYPES, event.event_type);

/** Where no person is asked about a plan, its holder approves it; that may come when the mission has ended. */
const isHoldersApproval = (event: EventOf<RequestType>, mission: Mission | undefined): boolean =>
  event.event_type === 'plan_approved' &&
  event.payload.signed === null &&
  (mission === undefined ? event.payload.approved_by === 'policy' : mission.request.approval !== 'approval');
