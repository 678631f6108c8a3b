/** A call that waits for a person, in the fold of a tasks partition, and what was decided about it. Pure. */
import type { PayloadOf } from './events.js';
import { SIGNATURE_FAULTS, type SignatureFault } from './requests.js';

/** A decision, and when the tasks topic took it, ms since the epoch: the time that its signer names may be earlier. */
type TimedDecision = PayloadOf<'call_decided'> & { readonly atMs: number };

export interface WaitingCall {
  /** event_id of its call_proposed. */
  readonly approvalId: string;
  readonly proposal: PayloadOf<'call_proposed'>;
  /** Decisions about exactly this call that came in time, in log order. The first that its holder can verify counts. */
  readonly decisions: readonly TimedDecision[];
}

/** Why a person's answer does not count; the code of approval_void. */
export type VoidCode = 'unknown' | 'used' | 'changed' | 'expired' | 'late' | 'no_source' | SignatureFault;

/** In words. */
export const VOID_REASONS: Readonly<Record<VoidCode, string>> = {
  unknown: 'no call waits under this id',
  used: 'the call was decided before',
  changed: 'it is about another call than the one that waits: the digests differ',
  expired: 'it came too late',
  late: 'the log took it too long after it was signed',
  ...SIGNATURE_FAULTS,
  no_source: 'no decision of an orchestrator is its source',
};

/** What a person has said, and with what it is signed. */
export type SignedAnswer = Pick<
  PayloadOf<'call_answered'>,
  | 'mission_id'
  | 'task_id'
  | 'attempt'
  | 'approval_id'
  | 'digest'
  | 'approved'
  | 'reason'
  | 'answered_by'
  | 'answered_at'
  | 'signature'
  | 'key_id'
  | 'cluster'
>;

/**
 * Whether an answer is that of a person who may give it; null: it is. Pure.
 * @param atMs when the log took it, ms since the epoch
 * @param missionBy who has requested the mission; absent: not known here, as in a worker
 */
export type VerifyAnswer = (answer: SignedAnswer, atMs: number, missionBy?: string) => VoidCode | null;

/** What an answer is bound to. */
type Bound = Pick<PayloadOf<'call_answered'>, 'approval_id' | 'digest'>;

/**
 * Whether an answer is about a call that waits, by everything that the log itself says. null: it is.
 * @param atMs when the log took it, ms since the epoch
 */
export function unboundAnswer(
  call: { readonly approvalId: string; readonly digest: string; readonly expiresAtMs: number } | null,
  answer: Bound,
  atMs: number,
): VoidCode | null {
  if (call === null || answer.approval_id !== call.approvalId) return 'unknown';
  if (answer.digest !== call.digest) return 'changed';
  return atMs > call.expiresAtMs ? 'expired' : null;
}

/** The call with one decision more; else why the decision has no effect. */
export function decided(
  waiting: WaitingCall | null,
  decision: PayloadOf<'call_decided'>,
  atMs: number,
): WaitingCall | VoidCode {
  const call =
    waiting === null
      ? null
      : { approvalId: waiting.approvalId, digest: waiting.proposal.digest, expiresAtMs: waiting.proposal.expires_at };
  const fault = unboundAnswer(call, decision, atMs);
  if (waiting === null || fault !== null) return fault ?? 'unknown';
  return { ...waiting, decisions: [...waiting.decisions, { ...decision, atMs }] };
}

/**
 * Why a tool_called has no effect, with regard to the call that waits: it must be that call and no other, and it may
 * run only as a decision says. A refusal needs none, because nothing runs. null: it counts.
 */
export function callOfProposal(waiting: WaitingCall | null, call: PayloadOf<'tool_called'>): string | null {
  if (waiting === null) return call.approval_id === null ? null : 'no such call waits';
  const { approvalId, proposal, decisions } = waiting;
  if (call.approval_id !== approvalId) return 'another call waits for a person';
  // Nothing runs; its texts may have been redacted by a process that knows other secrets than the proposer.
  if (call.approved_by === null) return call.refused_because === null ? 'neither approved nor refused' : null;
  if (call.tool !== proposal.tool || call.arguments !== proposal.arguments) return 'not the call that was proposed';
  const isApproved = decisions.some(({ approved, answered_by }) => approved && answered_by === call.approved_by);
  return isApproved ? null : 'not approved';
}

/** The first decision about the call that counts, however many others there are; null: none. */
export const countingDecision = ({ decisions }: WaitingCall, verify: VerifyAnswer): PayloadOf<'call_decided'> | null =>
  decisions.find((decision) => verify(decision, decision.atMs) === null) ?? null;

/** A call that a person was asked about, and the proposal that asked; null: none of the attempt's calls is one. */
export function lastAsked(
  steps: readonly { readonly call: Pick<PayloadOf<'tool_called'>, 'approval_id' | 'step'> }[],
): { readonly approvalId: string; readonly step: number } | null {
  const asked = steps.findLast(({ call }) => call.approval_id !== null)?.call;
  return asked === undefined || asked.approval_id === null ? null : { approvalId: asked.approval_id, step: asked.step };
}
