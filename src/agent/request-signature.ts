/** Signed requests: what people ask of missions and do about dead letters. */
import { personOf, type Signable, type SignableType, type VerifyRequest } from '../domain/requests.js';
import { createVerifySignature, signedBytes, type Operator, type Right, type Signer } from './signatures.js';

/** Signs nothing else: a signature for another purpose is none for this. */
const PURPOSE = 'ravenhelm request 1';

const RIGHT_OF: Readonly<Record<SignableType, Right>> = {
  mission_requested: 'request',
  mission_cancel_requested: 'cancel',
  plan_approved: 'approve',
  plan_rejected: 'approve',
  attention_answered: 'answer',
  task_retry_requested: 'retry',
  dead_letter_taken: 'retry',
  dead_letter_redriven: 'retry',
  dead_letter_discarded: 'retry',
};

/** Type, id and time of the record, and its whole payload with the signer: a change of anything is another record. */
function requestBytes(
  { event_id, event_type, timestamp, payload }: Signable,
  { signed_by, key_id }: { readonly signed_by: string; readonly key_id: string },
): Buffer {
  return signedBytes(PURPOSE, {
    event_id,
    event_type,
    timestamp,
    payload: { ...payload, signed: { signed_by, key_id } },
  });
}

/** The record with the signer's signature. Its payload must name the signer as its person, and be as the log has it. */
export function signRequest<T extends Signable>(record: T, signer: Signer): T {
  const key = { signed_by: signer.name, key_id: signer.keyId };
  const signed = { ...key, signature: signer.sign(requestBytes(record, key)) };
  return { ...record, payload: { ...record.payload, signed } };
}

/** Only records that the named operator has signed, and may write, count. */
export function createVerifyRequest(operators: readonly Operator[]): VerifyRequest {
  const verify = createVerifySignature(operators);
  return (record, atMs) => {
    const { signed } = record.payload;
    if (signed === null) return 'unsigned';
    const right = RIGHT_OF[record.event_type];
    return verify(signed, { person: personOf(record), right, atMs, bytes: requestBytes(record, signed) });
  };
}
