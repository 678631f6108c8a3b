import { createHash } from 'node:crypto';
import type { WaitingCallReport } from '../domain/report.js';
import { canonicalJson } from './canonical-json.js';

/** A call of a tool, exactly. */
type CallItself = Pick<
  WaitingCallReport,
  'mission_id' | 'task_id' | 'attempt' | 'step' | 'agent' | 'tool' | 'arguments' | 'checks' | 'working_dir'
>;
/**
 * What a person's approval is bound to: the call, the rule that asks, what has tainted the task, and the mission's
 * inputs, which the call has as variables.
 */
export type ExactCall = CallItself & Pick<WaitingCallReport, 'rule' | 'tainted_by' | 'inputs'>;

/**
 * sha256, hex, of the canonical JSON, behind v2: without inputs and v3: with them. A change of anything in it is
 * another call.
 */
export function callDigest(call: ExactCall): string {
  const { rule } = call;
  const taintedBy = call.tainted_by.map(({ origin, detail, step }) => ({ origin, detail, step }));
  const bound = { ...callItself(call), rule, tainted_by: taintedBy };
  const inputs = call.inputs.map(({ name, type, value }) => ({ name, type, value }));
  return inputs.length === 0 ? `v2:${sha256(bound)}` : `v3:${sha256({ ...bound, inputs })}`;
}

/**
 * Whether a digest is that of the call. One without a version is of an older build, whose call waits from before: it
 * binds the call only.
 */
export const isDigestOf = (digest: string, call: ExactCall): boolean =>
  digest === (digest.includes(':') ? callDigest(call) : sha256(callItself(call)));

function callItself(call: CallItself): CallItself {
  const { mission_id, task_id, attempt, step, agent, tool, checks, working_dir } = call;
  return { mission_id, task_id, attempt, step, agent, tool, arguments: call.arguments, checks, working_dir };
}

const sha256 = (value: object): string => createHash('sha256').update(canonicalJson(value)).digest('hex');
