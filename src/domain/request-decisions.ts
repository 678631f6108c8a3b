/** What the holder decides about people's requests: which count. Pure. */
import type { PayloadOf, Plan } from './events.js';
import { effectOf } from './mission-evolve.js';
import type { Mission } from './mission-state.js';
import {
  personOf,
  requestFault,
  type LaterRequest,
  type RequestFault,
  type Signable,
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
  /** What an answer about a plan is bound to. */
  planDigest(plan: Plan): string;
}

/** Why a request does not count. */
interface Fault {
  readonly code: RequestFault['code'] | 'no_effect';
  readonly reason: string;
}

/**
 * About the mission's own request, before anything else is decided for it; null: nothing is to be decided. One that a
 * holder has begun before signatures were needed continues, and later requests about it must be signed.
 */
export function decideAdmission(mission: Mission, context: RequestContext): RequestDecision | null {
  if (context.verifyRequest === null || mission.admission === 'accepted') return null;
  const event = requestOf(mission);
  const fault = requestFault(event, mission.requestedAtMs, context.verifyRequest);
  if (fault === null) return accept(mission.id, event, context, event.payload.signed);
  return mission.admission === 'decided'
    ? accept(mission.id, event, context, null)
    : refuse(mission.id, event, context, fault);
}

/**
 * Whether requests wait for a holder that knows operators: one that knew them has verified the mission's signature, and
 * this one cannot tell whose requests about it count.
 */
export const lacksOperators = (
  { signer, waitingRequests }: Mission,
  { verifyRequest }: Pick<RequestContext, 'verifyRequest'>,
): boolean => verifyRequest === null && signer !== null && waitingRequests.size > 0;

/** The record as it was signed. */
const requestOf = ({ request, requestId, requestTimestamp }: Mission) =>
  ({ event_id: requestId, event_type: 'mission_requested', timestamp: requestTimestamp, payload: request }) as const;

/**
 * About the requests that wait, oldest first, up to the first one that counts: what follows is judged when that was
 * read back. null: none waits.
 */
export function decideRequests(mission: Mission, context: RequestContext): readonly RequestDecision[] | null {
  if (lacksOperators(mission, context)) return null;
  const decisions: RequestDecision[] = [];
  for (const waiting of mission.waitingRequests.values()) {
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
  const { requested_by } = mission.request;
  const fault = context.verifyRequest === null ? null : requestFault(event, atMs, context.verifyRequest, requested_by);
  if (fault !== null) return fault;
  const effect = effectOf(mission, event, atMs);
  if (effect.kind === 'void') return { code: 'no_effect', reason: `it changes nothing: ${effect.reason}` };
  if (isOfAnotherPlan(mission, event, context))
    return { code: 'no_effect', reason: 'it is about another plan than the one that waits: the digests differ' };
  return mission.decidedRequests.has(event.event_id)
    ? { code: 'no_effect', reason: 'it was decided about before' }
    : null;
}

function isOfAnotherPlan({ planning }: Mission, event: LaterRequest, context: RequestContext): boolean {
  if (event.event_type !== 'plan_approved' && event.event_type !== 'plan_rejected') return false;
  const { plan_digest } = event.payload;
  return (
    plan_digest !== null && planning.kind === 'proposed' && plan_digest !== context.planDigest(planning.proposal.plan)
  );
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
