/** The journal of one execution: each record is appended under the held claim and read back before it counts. */
import type { EventOf, PayloadOf } from '../../domain/events.js';
import type { ConnectionReport } from '../../domain/attempt-report.js';
import { taskRecordKey } from '../../domain/partitioning.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import type { Taint } from '../../domain/taint.js';
import type { WaitingCall } from '../../domain/waiting-call.js';
import type { TokenCost } from '../../ports/model.js';
import type { StepDecision, StepResult } from '../../agent/loop-contract.js';
import type { Verdict } from '../../ports/policy.js';
import { AppendDropped } from '../../ports/log.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { RecordVoid, type ReadBack } from './read-back.js';
import type { WorkerContext } from './worker-context.js';

export interface TaskJournal {
  /**
   * Resolves with the step as the log has it.
   * @param before what the policy decided about checks; of an attempt's first step also its baseline (encodeBaseline)
   * @param verdict of the policy; null: it was not asked
   * @param taintedBy the untrusted content that the attempt has read before it
   */
  call(
    step: number,
    decision: StepDecision,
    before: Before,
    verdict: Pick<Verdict, 'decision' | 'rule'> | null,
    taintedBy: readonly Taint[],
  ): Promise<EventOf<'tool_called'>>;
  /** A step that waits for a person. Resolves when it was read back. */
  propose(step: number, decision: StepDecision, before: Before, asked: Asked): Promise<void>;
  /** The call that waited, as a person decided. Resolves with the step as the log has it. */
  decided(waiting: WaitingCall, said: Said): Promise<EventOf<'tool_called'>>;
  /** Appends the outcome; it need not be read back before the next model call. */
  outcome(call: JournaledCall, result: StepResult): void;
  /** Appends the outcome and waits until it was read back. */
  outcomeReadBack(call: JournaledCall, result: StepResult): Promise<void>;
  /** Appends what is known of a connection; nothing waits for it. */
  connection(call: Pick<JournaledCall, 'step'> & Partial<JournaledCall>, connection: ConnectionReport): void;
  reserve(cost: TokenCost): Promise<void>;
  completed(payload: PayloadOf<'task_completed'>): Promise<void>;
  failed(payload: PayloadOf<'task_failed'>): Promise<void>;
}

type Before = Pick<PayloadOf<'tool_called'>, 'baseline' | 'check_decisions'>;

/** What a person is asked about a step. */
export type Asked = Pick<
  PayloadOf<'call_proposed'>,
  'checks' | 'rule' | 'reason' | 'tainted_by' | 'working_dir' | 'digest' | 'expires_at' | 'remaining_ms'
>;

/** What was said about it. One of the two is null. */
export type Said = Pick<PayloadOf<'tool_called'>, 'approved_by' | 'refused_because'>;

/** A call in the journal: its step, and the event_id of its record. */
export interface JournaledCall {
  readonly step: number;
  readonly callId: string;
}

type Journaled = EventOf<
  'call_proposed' | 'tool_called' | 'turn_reserved' | 'tool_returned' | 'task_completed' | 'task_failed'
>;

type Appended = Journaled | EventOf<'connection_ended'>;
type AppendedType = Appended['event_type'];

export interface TaskJournalDeps {
  readonly attempt: TaskAttempt;
  readonly held: HeldClaim;
  readonly topic: string;
  readonly partition: number;
  readonly readBack: ReadBack;
  /** An outcome could not be appended; the next holder finds the step in doubt. */
  onOutcomeLost(error: unknown): void;
  /** The record of a connection could not be appended. */
  onConnectionLost(error: unknown): void;
}

export function createTaskJournal(context: WorkerContext, deps: TaskJournalDeps): TaskJournal {
  const { attempt, held, topic, partition, readBack } = deps;
  const { mission_id, task_id, agent } = attempt.assignment;
  const identity = { mission_id, task_id, attempt: attempt.assignment.attempt, owner: held.owner };
  const eventOf = <T extends AppendedType>(type: T, payload: PayloadOf<T>, causedBy = attempt.assignmentId) =>
    context.createEvent({ type, from: agent, missionId: mission_id, causedBy, payload });
  const append = (event: Appended) =>
    context.deps.appenders.tasks.append({ topic, partition, key: taskRecordKey(mission_id, task_id), event });

  function appendAndReadBack<T extends Journaled>(event: T): Promise<T> {
    const read = readBack.waitFor(event);
    append(event).catch((error: unknown) => readBack.reject(event.event_id, error));
    return read;
  }

  const returned = ({ step, callId }: JournaledCall, result: StepResult) =>
    eventOf('tool_returned', { ...identity, step, ...returnedPayload(result) }, callId);

  return {
    async call(step, decision, before, verdict, taintedBy) {
      const judged = { ...verdictPayload(verdict), ...NOT_ASKED, tainted_by: [...taintedBy] };
      const event = eventOf('tool_called', { ...identity, ...calledPayload(step, decision), ...judged, ...before });
      return appendAndReadBack(event);
    },
    async propose(step, decision, before, asked) {
      const payload = { ...identity, ...calledPayload(step, decision), ...before, ...asked };
      await appendAndReadBack(eventOf('call_proposed', payload));
    },
    async decided(waiting, said) {
      const payload = { ...decidedPayload(waiting, said), ...identity };
      return appendAndReadBack(eventOf('tool_called', payload, waiting.approvalId));
    },
    outcome(call, result) {
      append(returned(call, result)).catch((error: unknown) => {
        if (!(error instanceof AppendDropped)) deps.onOutcomeLost(error);
      });
    },
    async outcomeReadBack(call, result) {
      await appendAndReadBack(returned(call, result)).catch((error: unknown) => {
        // Void because an outcome is known already: then that one counts.
        if (!(error instanceof RecordVoid)) throw error;
      });
    },
    connection({ step, callId }, connection) {
      append(eventOf('connection_ended', { ...identity, step, ...connection }, callId)).catch((error: unknown) => {
        if (!(error instanceof AppendDropped)) deps.onConnectionLost(error);
      });
    },
    async reserve({ tokens, usd }) {
      const payload = { ...identity, reserved_tokens: tokens, reserved_usd: usd };
      await appendAndReadBack(eventOf('turn_reserved', payload));
    },
    async completed(payload) {
      await appendAndReadBack(eventOf('task_completed', payload));
    },
    async failed(payload) {
      await appendAndReadBack(eventOf('task_failed', payload));
    },
  };
}

function calledPayload(step: number, decision: StepDecision) {
  return {
    step,
    thought: decision.thought,
    tool: decision.tool,
    arguments: JSON.stringify(decision.arguments),
    idempotent: decision.idempotent,
    model: decision.model,
    chain_index: decision.chainIndex,
    refusals: [...decision.refusals],
    tokens_in: decision.tokensIn,
    tokens_out: decision.tokensOut,
    cost_usd: decision.costUsd,
    reserved_tokens: decision.reserved.tokens,
    reserved_usd: decision.reserved.usd,
    started_at: decision.timing?.startedAtMs ?? null,
    first_token_ms: wholeMs(decision.timing?.firstTokenMs),
    model_ms: wholeMs(decision.timing?.durationMs),
    turn: decision.turn,
    repairs: [...decision.repairs],
  };
}

const NOT_ASKED = { approval_id: null, approved_by: null, refused_because: null };

/** The model's step, exactly as it was proposed. */
function decidedPayload({ approvalId, proposal }: WaitingCall, said: Said): PayloadOf<'tool_called'> {
  const { reason: _, working_dir: _dir, digest: _digest, expires_at: _at, remaining_ms: _ms, ...step } = proposal;
  return { ...step, decision: 'ask', approval_id: approvalId, ...said };
}

function verdictPayload(verdict: Pick<Verdict, 'decision' | 'rule'> | null) {
  return { decision: verdict?.decision ?? null, rule: verdict?.rule ?? null };
}

function returnedPayload(result: StepResult) {
  return {
    outcome: result.outcome,
    exit_code: result.exitCode,
    observation: result.observation,
    output_digest: result.outputDigest,
    duration_ms: Math.round(result.durationMs),
    checks: result.checks === null ? null : [...result.checks],
    changed_paths: [...(result.changed ?? [])],
    limit: result.limit ?? null,
  };
}

function wholeMs(ms: number | null | undefined): number | null {
  return ms === null || ms === undefined ? null : Math.round(ms);
}
