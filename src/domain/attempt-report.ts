/** What an attempt of a task did, as people and programs see it: snake_case, like the mission's report. */
import type { JournaledAttempt } from './attempt-journal.js';
import { baselineOf, type Baseline, type CheckBaseline } from './baseline.js';
import type { CheckRecord, CheckResult, PayloadOf } from './events.js';
import type { NetworkConnection } from './network.js';
import { jsonObject } from './json-object.js';
import { processOfOwner } from './owner-process.js';
import type { Taint } from './taint.js';
import type { JournalStep, TaskAttempt } from './task-partition.js';

export interface AttemptReport {
  readonly mission_id: string;
  readonly task_id: string;
  readonly agent: string;
  /** From 1. */
  readonly attempt: number;
  /** open: it has not ended, or its end was not read yet. */
  readonly status: TaskAttempt['status'];
  readonly steps: readonly StepReport[];
  /** The connections of checks that ran before the first step. */
  readonly connections: readonly ConnectionReport[];
  /** The step that waits for a person; null: none does. */
  readonly waiting: WaitingStepReport | null;
  /** The summary of a completed attempt; null otherwise. */
  readonly summary: string | null;
  /** Why a failed attempt failed; null otherwise. */
  readonly error: { readonly code: string; readonly text: string } | null;
  /** The checks that ended the attempt. */
  readonly checks: readonly CheckReport[];
  /** What was there before the task's first step; null: no step yet, or there was nothing to compare. */
  readonly baseline: Baseline | null;
}

export interface CheckReport extends Omit<CheckRecord, 'output'> {
  /** What it printed, head and tail; null: not recorded. */
  readonly output: string | null;
  /** Exit codes of the same command before the task's first step (baseline.ts); null: not known. */
  readonly before: CheckBaseline | null;
}

/** A connection of a step's commands, or several that are added up. */
export type ConnectionReport = Omit<
  PayloadOf<'connection_ended'>,
  'mission_id' | 'task_id' | 'attempt' | 'step' | 'owner'
>;

/** A step that the policy lets run only after a person has approved it. */
export interface WaitingStepReport {
  readonly approval_id: string;
  readonly step: number;
  readonly thought: string;
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly rule: string;
  readonly reason: string;
  /** The untrusted content that the attempt had read before; empty: none is known. */
  readonly tainted_by: readonly Taint[];
  readonly digest: string;
  /** ISO 8601. */
  readonly expires_at: string;
}

export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly thought: string;
  /** Tool name, or finish. */
  readonly tool: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** The model that chose the step. */
  readonly model: string;
  /** Its place in the agent's chain, from 0. */
  readonly chain_index: number;
  /**
   * How the model was asked for its reply: native (a tool call), json_schema, json_object or plain; null: the model has
   * one form only, or no model was asked.
   */
  readonly form: string | null;
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly cost_usd: number;
  /** When the model was asked (ISO 8601); null: no model was asked, or it is not recorded. */
  readonly started_at: string | null;
  readonly first_token_ms: number | null;
  readonly model_ms: number | null;
  /** Replies that could not be used and models that were skipped, before this step. */
  readonly refusals: readonly string[];
  /** What was changed in the model's reply to make it a step. */
  readonly repairs: readonly string[];
  /** What the policy decided about the step, and by which rule; null: it was not asked. */
  readonly policy: { readonly decision: string; readonly rule: string } | null;
  /** What it decided about checks: before the attempt's first step, and by a finish; empty: about none. */
  readonly check_decisions: NonNullable<PayloadOf<'tool_called'>['check_decisions']>;
  /** The process that has journaled it; its whole output is there. */
  readonly worker_id: string;
  /** Whether its worker ran commands without a sandbox. */
  readonly sandbox_off: boolean;
  /** The untrusted content that the attempt had read before the model chose the step; empty: none is known. */
  readonly tainted_by: readonly Taint[];
  /** What a person was asked about the step; null: none was. */
  readonly approval: {
    readonly approval_id: string;
    /** null: not approved. */
    readonly approved_by: string | null;
    /** Why it was not run; null: it was. */
    readonly refused_because: string | null;
  } | null;
  /** What its commands have reached on the network, or tried to. */
  readonly connections: readonly ConnectionReport[];
  /** null: the step has no outcome yet. */
  readonly outcome: StepOutcome | null;
  /** The prompt that the model was sent; absent unless it was asked for. */
  readonly prompt?: PromptReport;
}

export interface PromptMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A prompt, rebuilt from the journal. */
export interface PromptReport {
  /**
   * exact: its digest is the recorded one. differs: it is not. not_recorded: no model was asked, or the journal does
   * not say. unreadable: a part of the journal that it needs is missing.
   */
  readonly state: 'exact' | 'differs' | 'not_recorded' | 'unreadable';
  /** Empty unless exact or differs. */
  readonly messages: readonly PromptMessage[];
  /** sha256 of the prompt that was sent, hex; null: not recorded. */
  readonly digest: string | null;
  /** Why the prompt is not exact; null: it is. */
  readonly why: string | null;
}

export interface StepOutcome {
  readonly kind: NonNullable<JournalStep['outcome']>['outcome'];
  readonly exit_code: number | null;
  readonly duration_ms: number;
  /** What the model saw: head and tail of at most 16 KiB. */
  readonly output: string;
  /** sha256 of the whole output, hex; null where there was none. */
  readonly output_digest: string | null;
  /** The limit that it reached first (limits.ts); null: none is known. */
  readonly limit: string | null;
  /** Of a finish: the checks that ran. */
  readonly checks: readonly CheckReport[];
}

export function reportAttempt(attempt: JournaledAttempt): AttemptReport {
  const { assignment, status, steps, result } = attempt;
  const baseline = baselineOf(attempt);
  const reports = steps.map((step) => reportStep(step, baseline, connectionsOf(attempt, step.call.step)));
  const completed = result?.type === 'task_completed' ? result.payload : null;
  const failed = result?.type === 'task_failed' ? result.payload : null;
  return {
    mission_id: assignment.mission_id,
    task_id: assignment.task_id,
    agent: assignment.agent,
    attempt: assignment.attempt,
    status,
    steps: reports,
    connections: connectionsOf(attempt, 0),
    waiting: reportWaiting(attempt),
    summary: completed?.result.summary ?? null,
    error: failed === null ? null : { code: failed.code, text: failed.error },
    checks: lastChecks(reports, completed?.result.checks ?? failed?.checks ?? [], baseline),
    baseline,
  };
}

/** As the event has it. */
export function reportConnection(connection: NetworkConnection): ConnectionReport {
  return {
    host: connection.host,
    port: connection.port,
    address: connection.address,
    outcome: connection.outcome,
    reason: connection.reason,
    bytes_sent: connection.bytesSent,
    bytes_received: connection.bytesReceived,
    duration_ms: connection.durationMs,
    connections: connection.count,
  };
}

function connectionsOf({ connections }: JournaledAttempt, step: number): readonly ConnectionReport[] {
  return connections
    .filter((one) => one.step === step)
    .map(({ mission_id: _mission, task_id: _task, attempt: _attempt, step: _step, owner: _owner, ...rest }) => rest);
}

function reportWaiting({ waiting }: TaskAttempt): WaitingStepReport | null {
  if (waiting === null) return null;
  const { step, thought, tool, rule, reason, tainted_by, digest, expires_at } = waiting.proposal;
  return {
    approval_id: waiting.approvalId,
    step,
    thought,
    tool,
    arguments: argumentsOf(waiting.proposal.arguments),
    rule,
    reason,
    tainted_by,
    digest,
    expires_at: new Date(expires_at).toISOString(),
  };
}

/** The final record's checks, with what the step that ran them says of their output. */
function lastChecks(
  steps: readonly StepReport[],
  checks: readonly CheckResult[],
  baseline: Baseline | null,
): readonly CheckReport[] {
  const recorded = steps.findLast(({ outcome }) => (outcome?.checks ?? []).length > 0)?.outcome?.checks ?? [];
  return checks.map((check, index) => {
    const same = recorded[index];
    const isSame = same?.command === check.command && same.output_digest === check.output_digest;
    return reportCheck({ ...check, output: isSame ? same.output : null }, index, baseline);
  });
}

const reportCheck = (check: CheckRecord, index: number, baseline: Baseline | null): CheckReport => ({
  ...check,
  before: baseline?.checks[index] ?? null,
});

function reportStep(
  { call, outcome, sandboxOff }: JournalStep,
  baseline: Baseline | null,
  connections: readonly ConnectionReport[],
): StepReport {
  return {
    step: call.step,
    thought: call.thought,
    tool: call.tool,
    arguments: argumentsOf(call.arguments),
    model: call.model,
    chain_index: call.chain_index,
    form: formOf(call.turn),
    tokens_in: call.tokens_in,
    tokens_out: call.tokens_out,
    cost_usd: call.cost_usd,
    started_at: call.started_at === null ? null : new Date(call.started_at).toISOString(),
    first_token_ms: call.first_token_ms,
    model_ms: call.model_ms,
    refusals: call.refusals,
    repairs: call.repairs,
    check_decisions: call.check_decisions ?? [],
    policy: call.decision === null ? null : { decision: call.decision, rule: call.rule ?? '' },
    worker_id: processOfOwner(call.owner),
    sandbox_off: sandboxOff,
    tainted_by: call.tainted_by,
    approval: approvalOf(call),
    connections,
    outcome:
      outcome === null
        ? null
        : {
            kind: outcome.outcome,
            exit_code: outcome.exit_code,
            duration_ms: outcome.duration_ms,
            output: outcome.observation,
            output_digest: outcome.output_digest,
            limit: outcome.limit,
            checks: (outcome.checks ?? []).map((check, index) => reportCheck(check, index, baseline)),
          },
  };
}

const approvalOf = ({ approval_id, approved_by, refused_because }: JournalStep['call']): StepReport['approval'] =>
  approval_id === null ? null : { approval_id, approved_by, refused_because };

/** Of the field turn, which a record of another build may write in another way. */
function formOf(turn: string | null): string | null {
  const form = turn === null ? null : jsonObject(turn)?.['form'];
  return typeof form === 'string' ? form : null;
}

/** The journal's writers put a JSON object there; a record of another writer may hold any text. */
function argumentsOf(text: string): Readonly<Record<string, unknown>> {
  return jsonObject(text) ?? { text };
}
