/** Signed answers about calls that wait: what is signed, and whether it holds. */
import type { SignedAnswer, VerifyAnswer } from '../domain/waiting-call.js';
import { createVerifySignature, signedBytes, type Operator, type Signer } from './signatures.js';

export type UnsignedAnswer = Omit<SignedAnswer, 'signature' | 'key_id'>;

/** Signs nothing else: a signature for another purpose is none for this. */
const PURPOSE = 'ravenhelm call answer 1';

function answerBytes(answer: UnsignedAnswer): Buffer {
  const { mission_id, task_id, attempt, approval_id, digest, approved, reason, answered_by, answered_at } = answer;
  const exact = { mission_id, task_id, attempt, approval_id, digest, approved, reason, answered_by, answered_at };
  return signedBytes(PURPOSE, exact);
}

/** The answer as the signer's. */
export function signAnswer(answer: UnsignedAnswer, signer: Signer): SignedAnswer {
  const own = { ...answer, answered_by: signer.name };
  return { ...own, signature: signer.sign(answerBytes(own)), key_id: signer.keyId };
}

/** Only answers that the named operator has signed count. */
export function createVerifyAnswer(operators: readonly Operator[]): VerifyAnswer {
  const verify = createVerifySignature(operators);
  return (answer, atMs) => {
    const { signature, key_id, answered_by: person } = answer;
    if (signature === null) return 'unsigned';
    const key = key_id === null ? {} : { key_id };
    return verify({ signature, ...key }, { person, right: 'approve', atMs, bytes: answerBytes(answer) });
  };
}
