/** Signed answers about calls that wait: what is signed, by whom, and whether it holds. */
import { sign, verify, type KeyObject } from 'node:crypto';
import type { SignedAnswer, VerifyAnswer } from '../domain/waiting-call.js';
import { canonicalJson } from './canonical-json.js';

/** A person who may answer. */
export interface Operator {
  readonly name: string;
  /** Ed25519. */
  readonly publicKey: KeyObject;
}

export type UnsignedAnswer = Omit<SignedAnswer, 'signature'>;

/** Signs nothing else: a signature for another purpose is none for this. */
const PURPOSE = 'ravenhelm call answer 1\n';

/** The bytes that are signed: the purpose, and the answer as canonical JSON. */
function answerBytes(answer: UnsignedAnswer): Buffer {
  const { mission_id, task_id, attempt, approval_id, digest, approved, reason, answered_by, answered_at } = answer;
  const exact = { mission_id, task_id, attempt, approval_id, digest, approved, reason, answered_by, answered_at };
  return Buffer.from(PURPOSE + canonicalJson(exact));
}

/** @param key private, Ed25519 */
export const signAnswer = (answer: UnsignedAnswer, key: KeyObject): string =>
  sign(null, answerBytes(answer), key).toString('base64');

/** Only answers that the named operator has signed count. */
export function createVerifyAnswer(operators: readonly Operator[]): VerifyAnswer {
  const keys = new Map(operators.map(({ name, publicKey }) => [name, publicKey]));
  return (answer) => {
    if (answer.signature === null) return 'unsigned';
    const key = keys.get(answer.answered_by);
    if (key === undefined) return 'forged';
    return verify(null, answerBytes(answer), key, Buffer.from(answer.signature, 'base64')) ? null : 'forged';
  };
}
