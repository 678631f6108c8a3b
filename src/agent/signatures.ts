/** Ed25519 signatures of the people in the operators file: one mechanism for all that they sign. */
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import type { SignatureFault, Signed } from '../domain/requests.js';
import { canonicalJson } from './canonical-json.js';

/** What an operator may do. */
export const RIGHTS = ['request', 'approve', 'answer', 'cancel', 'pause', 'budget', 'retry'] as const;
export type Right = (typeof RIGHTS)[number];

/** A person whose word counts. */
export interface Operator {
  readonly name: string;
  /** Ed25519. */
  readonly publicKey: KeyObject;
  /** What the log takes later than this does not count, ms since the epoch; null: it always counts. */
  readonly untilMs: number | null;
  readonly may: readonly Right[];
  /** Whether this person may not approve a plan, or a call, of a mission that the same person has requested. */
  readonly fourEyes: boolean;
}

/** Who signs. */
export interface Signer {
  /** The operator's name in the operators file of the swarm. */
  readonly name: string;
  readonly keyId: string;
  /** Ed25519, base64. */
  sign(bytes: Buffer): string;
}

/** @param key private, Ed25519 */
export function createSigner(name: string, key: KeyObject): Signer {
  const keyId = keyIdOf(createPublicKey(key));
  return { name, keyId, sign: (bytes) => sign(null, bytes, key).toString('base64') };
}

/** For which swarm something is signed: another one whose operators have the same keys takes none of it. */
export interface SignedFor {
  /** Of its topics. */
  readonly prefix: string;
  /** Of its log (Log.clusterId). */
  readonly clusterId: string | null;
}

const KEY_ID_DIGITS = 16;

/** Names a public key: the first 16 hex digits of the sha256 of its DER form. */
const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, KEY_ID_DIGITS);

/**
 * The bytes that are signed: what for, with its version, and the value as canonical JSON. What is null is left out, so
 * that a field which a later build adds does not change what an older one has signed.
 */
export function signedBytes(purpose: string, value: unknown): Buffer {
  return Buffer.from(`${purpose}\n${canonicalJson(withoutNulls(value))}`);
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== null)
      .map(([key, part]) => [key, withoutNulls(part)]),
  );
}

/** What is to be verified. */
export interface Claim {
  /** Whose it must be: the person whom the record names. */
  readonly person: string;
  readonly right: Right;
  /** When the log took it, ms since the epoch. */
  readonly atMs: number;
  readonly bytes: Buffer;
  /** Of an approval: who has requested its mission. Absent: it is none, or that is not known here. */
  readonly requestedBy?: string | undefined;
}

/** Why a signature does not hold; null: it does. */
export type VerifySignature = (
  signed: Pick<Signed, 'signature'> & Partial<Signed>,
  claim: Claim,
) => SignatureFault | null;

export function createVerifySignature(operators: readonly Operator[]): VerifySignature {
  const known = new Map(
    operators.map((operator) => [operator.name, { ...operator, keyId: keyIdOf(operator.publicKey) }]),
  );
  return (signed, { person, right, atMs, bytes, requestedBy }) => {
    const operator = known.get(signed.signed_by ?? person);
    if (operator === undefined || (signed.key_id !== undefined && signed.key_id !== operator.keyId))
      return 'unknown_key';
    const holds = verify(null, bytes, operator.publicKey, Buffer.from(signed.signature, 'base64'));
    if (!holds || operator.name !== person) return 'forged';
    if (operator.untilMs !== null && atMs >= operator.untilMs) return 'key_expired';
    if (!operator.may.includes(right)) return 'not_allowed';
    return operator.fourEyes && requestedBy === person ? 'own_mission' : null;
  };
}
