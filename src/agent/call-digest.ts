import { createHash } from 'node:crypto';
import type { WaitingCallReport } from '../domain/report.js';
import { canonicalJson } from './canonical-json.js';

/** A call of a tool, exactly: what a person's approval is bound to. */
export type ExactCall = Pick<
  WaitingCallReport,
  'mission_id' | 'task_id' | 'attempt' | 'step' | 'agent' | 'tool' | 'arguments' | 'checks' | 'working_dir'
>;

/** sha256, hex, of the call's canonical JSON. A change of anything in it is another call. */
export function callDigest(call: ExactCall): string {
  const { mission_id, task_id, attempt, step, agent, tool, checks, working_dir } = call;
  const exact = { mission_id, task_id, attempt, step, agent, tool, arguments: call.arguments, checks, working_dir };
  return createHash('sha256').update(canonicalJson(exact)).digest('hex');
}
