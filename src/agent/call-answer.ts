/** Signed answers about calls that wait: what is signed, and whether it holds. */
import type { SignedAnswer, VerifyAnswer } from '../domain/waiting-call.js';
import { createVerifySignature, signedBytes, type Operator, type SignedFor, type Signer } from './signatures.js';

export type UnsignedAnswer = Omit<SignedAnswer, 'signature' | 'key_id' | 'cluster'>;

/** An answer of a person who signs nothing. */
export const NOT_SIGNED = { signature: null, key_id: null, cluster: null } as const;

/** Signs nothing else: a signature for another purpose is none for this. */
const PURPOSE = 'ravenhelm call answer 1';

/**
 * The answer with its cluster and the prefix of the swarm's topics. Without a cluster, the bytes are those of an older
 * build, which has signed neither.
 */
function answerBytes(answer: Omit<SignedAnswer, 'signature' | 'key_id'>, prefix: string): Buffer {
  const { mission_id, task_id, attempt, approval_id, digest, approved, reason, answered_by, answered_at } = answer;
  const exact = { mission_id, task_id, attempt, approval_id, digest, approved, reason, answered_by, answered_at };
  const { cluster } = answer;
  return signedBytes(PURPOSE, cluster === null ? exact : { ...exact, cluster, swarm: prefix });
}

/** The answer as the signer's. */
export function signAnswer(answer: UnsignedAnswer, signer: Signer, { prefix, clusterId }: SignedFor): SignedAnswer {
  const own = { ...answer, answered_by: signer.name, cluster: clusterId };
  return { ...own, signature: signer.sign(answerBytes(own, prefix)), key_id: signer.keyId };
}

/**
 * Only answers that the named operator has signed for this swarm count. One that names no cluster is an older build's,
 * or of a log that has no id: it is for every swarm that has this call.
 */
export function createVerifyAnswer(operators: readonly Operator[], { prefix, clusterId }: SignedFor): VerifyAnswer {
  const verify = createVerifySignature(operators);
  return (answer, atMs, missionBy) => {
    const { signature, key_id, answered_by: person, cluster } = answer;
    if (signature === null) return 'unsigned';
    const key = key_id === null ? {} : { key_id };
    const bytes = answerBytes(answer, prefix);
    const requestedBy = answer.approved ? missionBy : undefined;
    const fault = verify({ signature, ...key }, { person, right: 'approve', atMs, bytes, requestedBy });
    if (fault !== null) return fault;
    return cluster === null || cluster === clusterId ? null : 'other_cluster';
  };
}
