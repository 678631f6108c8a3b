/** What people ask of the swarm, in signed records where it has operators. Pure. */
import type { EventOf, PayloadOf } from './events.js';

/** Records about missions that only people write; with operators each must be signed. */
export type RequestType =
  | 'mission_requested'
  | 'mission_cancel_requested'
  | 'mission_pause_requested'
  | 'mission_resume_requested'
  | 'mission_budget_requested'
  | 'plan_approved'
  | 'plan_rejected'
  | 'attention_answered'
  | 'task_retry_requested';
/** A request about a mission that is there. */
export type LaterRequest = EventOf<Exclude<RequestType, 'mission_requested'>>;

/** A request that a mission's holder is still to decide about. */
export interface WaitingRequest {
  /** When the log took it, ms since the epoch. */
  readonly atMs: number;
  readonly event: LaterRequest;
}

/** Records about dead letters that only people write. */
export type HandlingType = 'dead_letter_taken' | 'dead_letter_redriven' | 'dead_letter_discarded';
export type SignableType = RequestType | HandlingType;

type SignedParts = 'event_id' | 'event_type' | 'timestamp' | 'payload';
/** What a signature covers of a record: all of the payload, and what makes the record another one. */
export type Signable = { [T in SignableType]: Pick<EventOf<T>, SignedParts> }[SignableType];

export type Signed = NonNullable<PayloadOf<'mission_requested'>['signed']>;

/** Why a signature does not hold. */
export type SignatureFault =
  | 'unsigned'
  | 'unknown_key'
  | 'forged'
  | 'key_expired'
  | 'not_allowed'
  | 'own_mission'
  | 'other_cluster';

/**
 * Whether a record is signed by an operator who may write it; null: it is. Pure.
 * @param atMs when the log took it, ms since the epoch
 * @param missionBy who has requested the mission that it is about; absent: no mission that is known
 */
export type VerifyRequest = (record: Signable, atMs: number, missionBy?: string) => SignatureFault | null;

/** In words, for a request and for an answer about a call. */
export const SIGNATURE_FAULTS: Readonly<Record<SignatureFault, string>> = {
  unsigned: 'it is not signed, and must be: this swarm has an operators file',
  unknown_key: 'it is signed with a key that the operators file does not have under this name',
  forged: 'its signature is not about this: it was changed after it was signed, or made for something else',
  key_expired: "the log took it after the operator's key had expired (until, in the operators file)",
  not_allowed: 'the operator may not do this (may, in the operators file)',
  own_mission:
    'the operator has requested the mission, and another one must approve it (four_eyes, in the operators file)',
  other_cluster: 'it was signed for the swarm of another cluster',
};

/** The person whom a record names as its writer. */
export function personOf({ payload }: Pick<Signable, 'payload'>): string {
  if ('requested_by' in payload) return payload.requested_by;
  if ('approved_by' in payload) return payload.approved_by;
  if ('rejected_by' in payload) return payload.rejected_by;
  if ('answered_by' in payload) return payload.answered_by;
  if ('taken_by' in payload) return payload.taken_by;
  return 'redriven_by' in payload ? payload.redriven_by : payload.discarded_by;
}

/**
 * A request may be appended this long after it was signed, and a mission's this long after the time in its id; later
 * ones are refused (see requestedIds).
 */
export const REQUEST_WINDOW_MS = 10 * 60_000;

export interface RequestFault {
  readonly code: SignatureFault | 'late';
  readonly reason: string;
}

/**
 * Why a signed record does not count, as far as it tells itself; null: it does.
 * @param atMs when the log took it
 * @param missionBy who has requested the mission that it is about
 */
export function requestFault(
  event: Signable,
  atMs: number,
  verify: VerifyRequest,
  missionBy?: string,
): RequestFault | null {
  const code = verify(event, atMs, missionBy);
  if (code !== null) return { code, reason: SIGNATURE_FAULTS[code] };
  if (Math.abs(atMs - event.timestamp) <= REQUEST_WINDOW_MS) return null;
  const minutes = Math.round(Math.abs(atMs - event.timestamp) / 60_000);
  const order = atMs > event.timestamp ? 'after' : 'before';
  const most = REQUEST_WINDOW_MS / 60_000;
  return { code: 'late', reason: `the log took it ${minutes} minutes ${order} it was signed; ${most} are allowed` };
}
