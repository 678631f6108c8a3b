/** A call that the policy lets run only after a person has approved it: what is asked, and what the answer means. */
import { callDigest, isDigestOf, type ExactCall } from '../../agent/call-digest.js';
import type { StepDecision } from '../../agent/loop-contract.js';
import { FINISH } from '../../agent/step.js';
import type { Redact } from '../../domain/redaction.js';
import type { Taint } from '../../domain/taint.js';
import { countingDecision, type VerifyAnswer, type WaitingCall } from '../../domain/waiting-call.js';
import type { Verdict } from '../../ports/policy.js';
import type { ExecutionDeps } from './execution-deps.js';
import { acceptanceOf, parseArguments } from './task-result.js';
import type { Asked, Said } from './task-journal.js';

/** The attempt waits for a person: its execution ends without a result, and another one continues it. */
export class CallWaits extends Error {
  readonly code = 'call_waits';
  readonly retriable = true;
  constructor(readonly step: number) {
    super(`step ${step} waits for a person`);
    this.name = 'CallWaits';
  }
}

type Task = Pick<ExecutionDeps, 'attempt' | 'spec'>;
type Step = Pick<StepDecision, 'tool' | 'arguments'> & { readonly step: number };

/** Of the moment in which a person is asked. */
export interface AskedWhen {
  /** What the execution deadline has left, ms. */
  readonly remainingMs: number;
  /** ms since the epoch */
  readonly expiresAtMs: number;
  /** The untrusted content that the attempt has read. */
  readonly taintedBy: readonly Taint[];
}

export function askAbout(
  task: Task,
  step: Step,
  { rule, reason }: Verdict,
  { remainingMs, expiresAtMs, taintedBy }: AskedWhen,
): Asked {
  return {
    checks: checksOf(task, step.tool),
    rule,
    reason,
    tainted_by: [...taintedBy],
    working_dir: task.attempt.assignment.workspace,
    digest: callDigest(exactCall(task, step, { rule, tainted_by: taintedBy })),
    expires_at: Math.round(expiresAtMs),
    remaining_ms: Math.round(remainingMs),
  };
}

function exactCall(
  task: Task,
  { step, tool, arguments: args }: Step,
  { rule, tainted_by }: Pick<ExactCall, 'rule' | 'tainted_by'>,
): ExactCall {
  const {
    mission_id,
    task_id,
    attempt,
    agent,
    workspace: working_dir,
    mission_inputs: inputs,
  } = task.attempt.assignment;
  const call = { mission_id, task_id, attempt, step, agent, tool, arguments: args, checks: checksOf(task, tool) };
  return { ...call, working_dir, inputs, rule, tainted_by };
}

/** A finish runs the task's checks: they are part of the call. */
const checksOf = ({ attempt, spec }: Task, tool: string): string[] =>
  tool === FINISH ? acceptanceOf(attempt.assignment, spec).map(({ command }) => command) : [];

export interface Answering {
  readonly verify: VerifyAnswer;
  readonly nowMs: number;
  /** What this process's records pass when they are appended. */
  readonly redact: Redact;
}

/** What happens to a call: the first decision that counts, or nothing in time. */
export function saidAbout(task: Task, waiting: WaitingCall, { verify, nowMs, redact }: Answering): Said {
  const { step, tool, arguments: text, digest, expires_at } = waiting.proposal;
  // Another process proposed it, which may know other secrets; what runs must be what the log says.
  if (redact(text) !== text) return refused('its arguments have what is a secret for the worker that would run it');
  const call = exactCall(task, { step, tool, arguments: parseArguments(text) }, waiting.proposal);
  if (!isDigestOf(digest, call)) return refused('the journaled call is not the one that a person was asked about');
  const decision = countingDecision(waiting, verify);
  if (decision === null) return refused('no person approved it in time');
  const { approved, answered_by, reason } = decision;
  if (approved && nowMs > expires_at) return refused('its approval expired before it could begin');
  if (approved) return { approved_by: answered_by, refused_because: null };
  return refused(`${answered_by} rejected it${reason === '' ? '' : `: ${reason}`}`);
}

const refused = (why: string): Said => ({ approved_by: null, refused_because: why });
