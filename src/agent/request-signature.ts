/** Signed requests: what people ask of missions and do about dead letters. */
import type { AgentEvent, EventOf } from '../domain/events.js';
import { personOf, type Signable, type SignableType, type Signed, type VerifyRequest } from '../domain/requests.js';
import { canonicalJson } from './canonical-json.js';
import {
  createVerifySignature,
  signedBytes,
  type Operator,
  type Right,
  type SignedFor,
  type Signer,
} from './signatures.js';

/** Signs nothing else: a signature for another purpose is none for this. */
const PURPOSE = 'ravenhelm request 1';

const RIGHT_OF: Readonly<Record<SignableType, Right>> = {
  mission_requested: 'request',
  mission_cancel_requested: 'cancel',
  mission_pause_requested: 'pause',
  mission_resume_requested: 'pause',
  mission_budget_requested: 'budget',
  plan_approved: 'approve',
  plan_rejected: 'approve',
  attention_answered: 'answer',
  task_retry_requested: 'retry',
  dead_letter_taken: 'retry',
  dead_letter_redriven: 'retry',
  dead_letter_discarded: 'retry',
};

/**
 * Values that the schemas of signed records give to fields which the writer's build did not know, besides null, by the
 * field's place in the payload. They are not signed: what an older build has signed is decoded with them. Elsewhere, as
 * in a map of outputs whose keys a mission chooses, the same name is signed.
 */
export const UNSIGNED_DEFAULTS: Readonly<Record<string, unknown>> = {
  on_failure: 'fail',
  'plan.waves[].tasks[].protected': [],
  'plan.waves[].tasks[].changes': [],
  'plan.waves[].tasks[].artifacts': [],
  requires: [],
  limits: {},
  brief_trusted: true,
  workspace_trusted: false,
  taken_over: false,
  inputs: [],
};

/** @param place of the value in the payload; empty for the payload itself */
function withoutDefaults(value: unknown, place: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, `${place}[]`));
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).map(([name, part]) => ({ name, part, at: placeOf(place, name) }));
  const isDefault = (at: string, part: unknown) =>
    Object.hasOwn(UNSIGNED_DEFAULTS, at) && canonicalJson(part) === canonicalJson(UNSIGNED_DEFAULTS[at]);
  return Object.fromEntries(
    parts.filter(({ at, part }) => !isDefault(at, part)).map(({ name, part, at }) => [name, withoutDefaults(part, at)]),
  );
}

/** A name with a dot or bracket, which only a map can have, is no field of a schema. */
const placeOf = (place: string, name: string): string =>
  `${place === '' ? '' : `${place}.`}${/^\w+$/.test(name) ? name : JSON.stringify(name)}`;

/**
 * The swarm, type, id and time of the record, and its whole payload with the signer and the cluster: a change of
 * anything is another record.
 */
function requestBytes(
  { event_id, event_type, timestamp, payload }: Signable,
  { signed_by, key_id, cluster }: Omit<Signed, 'signature'>,
  swarm: string,
): Buffer {
  return signedBytes(PURPOSE, {
    swarm,
    event_id,
    event_type,
    timestamp,
    payload: withoutDefaults({ ...payload, signed: { signed_by, key_id, cluster } }, ''),
  });
}

/** Whether people write records of this event's type, signed where there are operators. */
export const isSignable = (event: AgentEvent): event is EventOf<SignableType> =>
  Object.hasOwn(RIGHT_OF, event.event_type);

/** The record with the signer's signature. Its payload must name the signer as its person, and be as the log has it. */
export function signRequest<T extends Signable>(record: T, signer: Signer, { prefix, clusterId }: SignedFor): T {
  const by = { signed_by: signer.name, key_id: signer.keyId, cluster: clusterId };
  const signed = { ...by, signature: signer.sign(requestBytes(record, by, prefix)) };
  return { ...record, payload: { ...record.payload, signed } };
}

/**
 * Only records that the named operator has signed for this swarm, and may write, count. One that names no cluster is an
 * older build's, or of a log that has no id: it is for every cluster.
 */
export function createVerifyRequest(operators: readonly Operator[], { prefix, clusterId }: SignedFor): VerifyRequest {
  const verify = createVerifySignature(operators);
  return (record, atMs, missionBy) => {
    const { signed } = record.payload;
    if (signed === null) return 'unsigned';
    const right = RIGHT_OF[record.event_type];
    const bytes = requestBytes(record, signed, prefix);
    const requestedBy = record.event_type === 'plan_approved' ? missionBy : undefined;
    const fault = verify(signed, { person: personOf(record), right, atMs, bytes, requestedBy });
    if (fault !== null) return fault;
    return signed.cluster === null || signed.cluster === clusterId ? null : 'other_cluster';
  };
}
