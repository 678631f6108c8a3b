/**
 * People's requests in a mission's fold. A guarded mission's wait until its holder has decided whether they count, so
 * that every reader of the log sees the same, whatever keys it knows.
 */
import type { PayloadOf } from './events.js';
import type { Mission, MissionFold } from './mission-state.js';
import { APPLIED, voidBecause, type Folded } from './record.js';
import { REQUEST_WINDOW_MS, type LaterRequest, type Signed, type WaitingRequest } from './requests.js';

/** Whether what the event asks has to wait for the holder. */
export function mustWait(mission: Mission, event: { readonly event_type: string }): event is LaterRequest {
  if (!mission.guarded) return false;
  switch (event.event_type) {
    case 'mission_cancel_requested':
    case 'mission_pause_requested':
    case 'mission_resume_requested':
    case 'mission_budget_requested':
    case 'plan_rejected':
    case 'attention_answered':
    case 'task_retry_requested':
      return true;
    case 'plan_approved':
      // Where no person is asked, this is the holder's own word.
      return mission.request.approval === 'approval';
    default:
      return false;
  }
}

export function requestWaits(mission: MissionFold, event: LaterRequest, atMs: number): Folded {
  if (mission.waitingRequests.has(event.event_id)) return voidBecause('asked before');
  mission.waitingRequests.set(event.event_id, { atMs, event });
  return APPLIED;
}

type NamedSigner = Pick<PayloadOf<'request_accepted'>, 'signed_by' | 'key_id'>;

/** Whether an acceptance names no signer, or the one whom the request itself names. */
const namesItsSigner = ({ signed_by, key_id }: NamedSigner, signed: Signed | null): boolean =>
  signed_by === null || (signed?.signed_by === signed_by && signed.key_id === key_id);

/** From here on people's requests about the mission wait for its holder. */
export function missionAccepted(mission: MissionFold, accepted: PayloadOf<'request_accepted'>): Folded {
  const { signed_by, key_id } = accepted;
  if (!namesItsSigner(accepted, mission.request.signed)) return voidBecause('the request names another signer');
  mission.admission = 'accepted';
  mission.guarded = true;
  if (signed_by !== null && key_id !== null) mission.signer = { signed_by, key_id };
  return APPLIED;
}

/** The request that a decision is about, which then waits no more; null: it does not wait, or has another signer. */
export function takeWaiting(
  mission: MissionFold,
  { request_id, request_type }: Pick<PayloadOf<'request_accepted'>, 'request_id' | 'request_type'>,
  signer: NamedSigner = { signed_by: null, key_id: null },
): WaitingRequest | null {
  const waiting = mission.waitingRequests.get(request_id);
  if (waiting?.event.event_type !== request_type || !namesItsSigner(signer, waiting.event.payload.signed)) return null;
  mission.waitingRequests.delete(request_id);
  return waiting;
}

/** A second copy of the request has no effect, for as long as it would not be late. */
export function noteRequestDecided({ decidedRequests }: MissionFold, { event, atMs }: WaitingRequest): void {
  const { event_id, timestamp } = event;
  if (Math.abs(atMs - timestamp) > REQUEST_WINDOW_MS) return;
  // The oldest are the first, or nearly: one that stays for longer keeps a few others that are over.
  for (const [id, untilMs] of decidedRequests) {
    if (untilMs >= atMs) break;
    decidedRequests.delete(id);
  }
  decidedRequests.set(event_id, timestamp + REQUEST_WINDOW_MS);
}

/** Newer ones of a mission are kept in its report; the log has them all. */
const VOID_REQUESTS_KEPT = 20;

export function requestVoid(mission: MissionFold, refused: PayloadOf<'request_void'>, atMs: number): Folded {
  const { request_id, request_type, requested_by, code, reason } = refused;
  if (request_type !== 'mission_requested') {
    const waiting = takeWaiting(mission, refused);
    if (waiting === null) return voidBecause('no such request waits');
    // Of these anyone may write an id, before a person does.
    if (code !== 'unsigned' && code !== 'forged') noteRequestDecided(mission, waiting);
  }
  mission.voidRequests = [
    ...mission.voidRequests.slice(1 - VOID_REQUESTS_KEPT),
    { request_id, type: request_type, requested_by, code, reason, atMs },
  ];
  return APPLIED;
}
