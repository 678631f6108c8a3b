import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.js';

/** A call of a tool, exactly: what a person's approval is bound to. */
export interface ExactCall {
  readonly mission_id: string;
  readonly task_id: string;
  readonly attempt: number;
  readonly step: number;
  readonly agent: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Of a finish: the commands of the checks that it runs, in order; empty for other tools. */
  readonly checks: readonly string[];
  /** The mission's own directory, absolute; null: the one below the workers' root. */
  readonly working_dir: string | null;
}

/** sha256, hex, of the call's canonical JSON. A change of anything in it is another call. */
export function callDigest(call: ExactCall): string {
  const { mission_id, task_id, attempt, step, agent, tool, checks, working_dir } = call;
  const exact = { mission_id, task_id, attempt, step, agent, tool, arguments: call.arguments, checks, working_dir };
  return createHash('sha256').update(canonicalJson(exact)).digest('hex');
}
