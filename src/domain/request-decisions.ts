/** What the holder decides about people's requests: which count. Pure. */
import type { PayloadOf } from './events.js';
import { effectOf, REQUEST_WINDOW_MS } from './mission-evolve.js';
import type { Mission } from './mission-state.js';
import {
  personOf,
  SIGNATURE_FAULTS,
  type Signable,
  type SignatureFault,
  type Signed,
  type VerifyRequest,
  type WaitingRequest,
} from './requests.js';

export type RequestDecision =
  | { readonly event_type: 'request_accepted'; readonly payload: PayloadOf<'request_accepted'> }
  | { readonly event_type: 'request_void'; readonly payload: PayloadOf<'request_void'> };

export interface RequestContext {
  readonly owner: string;
  /** null: this swarm has no operators, and requests need no signature. */
  readonly verifyRequest: VerifyRequest | null;
}

/** Why a request does not count. */
interface Fault {
  readonly code: SignatureFault | 'late' | 'no_effect';
  readonly reason: string;
}

/**
 * About the mission's own request, before anything else is decided for it; null: nothing is to be decided. One that a
 * holder has begun before signatures were needed continues, and later requests about it must be signed.
 */
export function decideAdmission(mission: Mission, context: RequestContext): RequestDecision | null {
  if (context.verifyRequest === null || mission.admission === 'accepted') return null;
  const event = requestOf(mission);
  const fault = faultOf(event, mission.requestedAtMs, context.verifyRequest);
  if (fault === null) return accept(mission.id, event, context, event.payload.signed);
  return mission.admission === 'decided'
    ? accept(mission.id, event, context, null)
    : refuse(mission.id, event, context, fault);
}

/** The record as it was signed. */
const requestOf = ({ request, requestId, requestTimestamp }: Mission) =>
  ({ event_id: requestId, event_type: 'mission_requested', timestamp: requestTimestamp, payload: request }) as const;

/**
 * About the requests that wait, oldest first, up to the first one that counts: what follows is judged when that was
 * read back. null: none waits.
 */
export function decideRequests(mission: Mission, context: RequestContext): readonly RequestDecision[] | null {
  const decisions: RequestDecision[] = [];
  for (const waiting of mission.waitingRequests) {
    const { event } = waiting;
    const fault = faultOfWaiting(mission, waiting, context);
    if (fault === null) {
      const { signed } = event.payload;
      return [...decisions, accept(mission.id, event, context, context.verifyRequest === null ? null : signed)];
    }
    decisions.push(refuse(mission.id, event, context, fault));
  }
  return decisions.length === 0 ? null : decisions;
}

function faultOfWaiting(mission: Mission, { event, atMs }: WaitingRequest, context: RequestContext): Fault | null {
  const fault = context.verifyRequest === null ? null : faultOf(event, atMs, context.verifyRequest);
  if (fault !== null) return fault;
  const effect = effectOf(mission, event, atMs);
  return effect.kind === 'void' ? { code: 'no_effect', reason: `it changes nothing: ${effect.reason}` } : null;
}

function faultOf(event: Signable, atMs: number, verify: VerifyRequest): Fault | null {
  const code = verify(event, atMs);
  if (code !== null) return { code, reason: SIGNATURE_FAULTS[code] };
  if (Math.abs(atMs - event.timestamp) <= REQUEST_WINDOW_MS) return null;
  const minutes = Math.round(Math.abs(atMs - event.timestamp) / 60_000);
  const order = atMs > event.timestamp ? 'after' : 'before';
  const most = REQUEST_WINDOW_MS / 60_000;
  return { code: 'late', reason: `the log took it ${minutes} minutes ${order} it was signed; ${most} are allowed` };
}

function about(mission_id: string, event: Signable, { owner }: RequestContext) {
  const { event_id: request_id, event_type: request_type } = event;
  return { mission_id, owner, request_id, request_type, requested_by: personOf(event) };
}

function accept(id: string, event: Signable, context: RequestContext, signed: Signed | null): RequestDecision {
  const { signed_by, key_id } = signed ?? { signed_by: null, key_id: null };
  return { event_type: 'request_accepted', payload: { ...about(id, event, context), signed_by, key_id } };
}

const refuse = (id: string, event: Signable, context: RequestContext, fault: Fault): RequestDecision => ({
  event_type: 'request_void',
  payload: { ...about(id, event, context), ...fault },
});
