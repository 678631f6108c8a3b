import { createHash } from 'node:crypto';
import type { WaitingCallReport } from '../domain/report.js';
import { canonicalJson } from './canonical-json.js';

/** A call of a tool, exactly. */
type CallItself = Pick<
  WaitingCallReport,
  'mission_id' | 'task_id' | 'attempt' | 'step' | 'agent' | 'tool' | 'arguments' | 'checks' | 'working_dir'
>;
/** What a person's approval is bound to: the call, the rule that asks, and what has tainted the task. */
export type ExactCall = CallItself & Pick<WaitingCallReport, 'rule' | 'tainted_by'>;

const VERSION = 'v2:';

/** v2: and sha256, hex, of the canonical JSON. A change of anything in it is another call. */
export function callDigest(call: ExactCall): string {
  const { rule } = call;
  const taintedBy = call.tainted_by.map(({ origin, detail, step }) => ({ origin, detail, step }));
  return VERSION + sha256({ ...callItself(call), rule, tainted_by: taintedBy });
}

/**
 * Whether a digest is that of the call. One without a version is of an older build, whose call waits from before: it
 * binds the call only.
 */
export const isDigestOf = (digest: string, call: ExactCall): boolean =>
  digest === (digest.startsWith(VERSION) ? callDigest(call) : sha256(callItself(call)));

function callItself(call: CallItself): CallItself {
  const { mission_id, task_id, attempt, step, agent, tool, checks, working_dir } = call;
  return { mission_id, task_id, attempt, step, agent, tool, arguments: call.arguments, checks, working_dir };
}

const sha256 = (value: object): string => createHash('sha256').update(canonicalJson(value)).digest('hex');
