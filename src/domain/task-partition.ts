/**
 * The machine of one tasks partition: who holds it, which attempts are open, and the journal of each.
 * It is folded from the partition's own log (the log is the lock): evolve depends on nothing but the state and the
 * record, so that every process that reads the log comes to the same state.
 */
import type { EventOf, PayloadOf, Source } from './events.js';
import { attemptKey } from './partitioning.js';
import { APPLIED, voidBecause, type FoldRecord, type Folded, type Holder, type Void } from './record.js';
import { callOfProposal, decided, VOID_REASONS, type VoidCode, type WaitingCall } from './waiting-call.js';

/** Highest source offset taken for each `epoch/partition` of the coordination topic. */
export type Marks = Readonly<Record<string, number>>;

/** The fold's small state: what a replay needs besides the records from the replay point on. */
export interface TaskSnapshot {
  readonly holder: Holder | null;
  readonly marks: Marks;
}

export interface JournalStep {
  /** event_id of the call. */
  readonly callId: string;
  /** Whether its worker runs commands without a sandbox. */
  readonly sandboxOff: boolean;
  readonly call: PayloadOf<'tool_called'>;
  readonly outcome: PayloadOf<'tool_returned'> | null;
}

export type TaskResultPayload =
  | { readonly type: 'task_completed'; readonly payload: PayloadOf<'task_completed'> }
  | { readonly type: 'task_failed'; readonly payload: PayloadOf<'task_failed'> };

export interface Spending {
  readonly tokensIn: number;
  readonly tokensOut: number;
  readonly costUsd: number;
  /** Reserved by a turn whose outcome is lost; counts as spent. */
  readonly lostTokens: number;
  readonly lostUsd: number;
}

/** The worst case of the turn that follows the last record. */
export interface TurnReservation {
  readonly owner: string;
  readonly tokens: number;
  readonly usd: number;
}

/** One attempt of a task. */
export interface TaskAttempt {
  readonly key: string;
  /** event_id of the assignment: the cause of what the worker writes about the attempt. */
  readonly assignmentId: string;
  readonly assignment: PayloadOf<'task_assigned'>;
  readonly status: 'open' | 'completed' | 'failed' | 'cancelled';
  readonly steps: readonly JournalStep[];
  readonly spending: Spending;
  readonly reservation: TurnReservation | null;
  /** A step that waits for a person; null: none does. While it waits the attempt runs nothing and holds no slot. */
  readonly waiting: WaitingCall | null;
  /**
   * Since when it must wait before its next step, because its mission is paused, ms since the epoch; null: it need not.
   * It holds no slot meanwhile.
   */
  readonly suspendedSinceMs: number | null;
  /** What the execution deadline has left, ms, since a call has waited; null: all of it. */
  readonly remainingMs: number | null;
  readonly result: TaskResultPayload | null;
  /** Offset of the assignment, and the fold's small state just before it. */
  readonly firstOffset: number;
  readonly before: TaskSnapshot;
}

/**
 * The fold of a tasks partition. evolve replaces its fields and entries in place (see Folded); an attempt itself is
 * never changed.
 */
export interface TaskPartitionState {
  /** Next offset to fold. */
  position: number;
  holder: Holder | null;
  marks: Marks;
  /** Attempts in log order, by attemptKey. */
  readonly attempts: Map<string, TaskAttempt>;
}

export const EMPTY_SNAPSHOT: TaskSnapshot = { holder: null, marks: {} };
const NOTHING_SPENT: Spending = { tokensIn: 0, tokensOut: 0, costUsd: 0, lostTokens: 0, lostUsd: 0 };

export function createTaskPartitionState(position = 0, snapshot: TaskSnapshot = EMPTY_SNAPSHOT): TaskPartitionState {
  return { position, holder: snapshot.holder, marks: snapshot.marks, attempts: new Map() };
}

/** Folds one record. */
export function evolveTaskPartition(state: TaskPartitionState, record: FoldRecord): Folded {
  state.position = record.offset + 1;
  const { event } = record;
  switch (event.event_type) {
    case 'partition_claimed':
      state.holder = { owner: event.payload.owner, claimOffset: record.offset };
      return APPLIED;
    case 'task_assigned':
      return assigned(state, record.offset, event);
    case 'task_cancelled':
      return cancelled(state, event.payload);
    case 'task_suspended':
      return suspended(state, record.timestampMs, event.payload);
    case 'call_proposed':
      return proposed(state, event);
    case 'call_decided':
      return callDecided(state, record.timestampMs, event.payload);
    case 'tool_called':
      return called(state, event);
    case 'turn_reserved':
      return reserved(state, event.payload);
    case 'tool_returned':
      return returned(state, event.payload);
    case 'connection_ended':
      return connected(state, event.payload);
    case 'task_completed':
      return ended(state, event.payload, { type: 'task_completed', payload: event.payload });
    case 'task_failed':
      return ended(state, event.payload, { type: 'task_failed', payload: event.payload });
    default:
      return voidBecause(`${event.event_type} does not belong in a tasks partition`);
  }
}

/** Whether a source lies at or below the mark; takes it into the marks when it does not. */
function takeSource(state: TaskPartitionState, source: Source | null): Folded {
  if (source === null) return { ...voidBecause('no source'), code: 'no_source' };
  const place = `${source.epoch}/${source.partition}`;
  if (source.offset <= (state.marks[place] ?? -1)) return voidBecause('source taken before');
  state.marks = { ...state.marks, [place]: source.offset };
  return APPLIED;
}

function assigned(state: TaskPartitionState, offset: number, event: EventOf<'task_assigned'>): Folded {
  const { event_id: assignmentId, payload: assignment } = event;
  const before: TaskSnapshot = { holder: state.holder, marks: state.marks };
  const taken = takeSource(state, assignment.source);
  if (taken.kind === 'void') return taken;
  const key = attemptKey(assignment);
  if (state.attempts.has(key)) return voidBecause('attempt known');
  state.attempts.set(key, {
    key,
    assignmentId,
    assignment,
    status: 'open',
    steps: [],
    spending: NOTHING_SPENT,
    reservation: null,
    waiting: null,
    suspendedSinceMs: null,
    remainingMs: null,
    result: null,
    firstOffset: offset,
    before,
  });
  return APPLIED;
}

function cancelled(state: TaskPartitionState, order: PayloadOf<'task_cancelled'>): Folded {
  const taken = takeSource(state, order.source);
  if (taken.kind === 'void') return taken;
  const attempt = state.attempts.get(attemptKey(order));
  if (attempt?.status !== 'open') return voidBecause('attempt not open');
  state.attempts.set(attempt.key, { ...attempt, status: 'cancelled', waiting: null });
  return APPLIED;
}

function suspended(state: TaskPartitionState, atMs: number, order: PayloadOf<'task_suspended'>): Folded {
  const taken = takeSource(state, order.source);
  if (taken.kind === 'void') return taken;
  const attempt = state.attempts.get(attemptKey(order));
  if (attempt?.status !== 'open') return voidBecause('attempt not open');
  const suspendedSinceMs = order.suspended ? (attempt.suspendedSinceMs ?? atMs) : null;
  state.attempts.set(attempt.key, { ...attempt, suspendedSinceMs });
  return APPLIED;
}

/** The open attempt that a record of the holder is about; else why the record is void. */
function heldAttempt(
  state: TaskPartitionState,
  by: { mission_id: string; task_id: string; attempt: number; owner: string },
): { readonly kind: 'held'; readonly attempt: TaskAttempt } | Void {
  if (by.owner !== state.holder?.owner) return voidBecause('not the holder');
  const attempt = state.attempts.get(attemptKey(by));
  return attempt?.status === 'open' ? { kind: 'held', attempt } : voidBecause('attempt not open');
}

function called(state: TaskPartitionState, event: EventOf<'tool_called'>): Folded {
  const { event_id: callId, payload: call } = event;
  const found = heldAttempt(state, call);
  if (found.kind === 'void') return found;
  const { attempt } = found;
  const fault = outOfOrder(attempt, call.step) ?? callOfProposal(attempt.waiting, call);
  if (fault !== null) return voidBecause(fault);
  state.attempts.set(attempt.key, {
    ...attempt,
    steps: [...attempt.steps, { callId, sandboxOff: event.sandbox === 'off', call, outcome: null }],
    // What a step cost was counted when it was proposed.
    spending: attempt.waiting === null ? spendingWith(attempt, call) : attempt.spending,
    waiting: null,
    reservation: { owner: call.owner, tokens: call.reserved_tokens, usd: call.reserved_usd },
  });
  return APPLIED;
}

/** Why a step cannot be the attempt's next one; null: it can. */
function outOfOrder({ steps }: TaskAttempt, step: number): string | null {
  if (step !== steps.length + 1) return 'step out of order';
  return steps.at(-1)?.outcome === null ? 'the step before has no outcome' : null;
}

function spendingWith(attempt: TaskAttempt, step: PayloadOf<'tool_called'> | PayloadOf<'call_proposed'>): Spending {
  const spending = loseOthersTurn(attempt, step.owner);
  return {
    ...spending,
    tokensIn: spending.tokensIn + step.tokens_in,
    tokensOut: spending.tokensOut + step.tokens_out,
    costUsd: spending.costUsd + step.cost_usd,
  };
}

/** The turn has ended, and the next one begins only after the call: nothing is reserved while it waits. */
function proposed(state: TaskPartitionState, event: EventOf<'call_proposed'>): Folded {
  const { event_id: approvalId, payload: proposal } = event;
  const found = heldAttempt(state, proposal);
  if (found.kind === 'void') return found;
  const { attempt } = found;
  const fault = outOfOrder(attempt, proposal.step) ?? (attempt.waiting === null ? null : 'another call waits');
  if (fault !== null) return voidBecause(fault);
  state.attempts.set(attempt.key, {
    ...attempt,
    waiting: { approvalId, proposal, decisions: [] },
    remainingMs: proposal.remaining_ms,
    spending: spendingWith(attempt, proposal),
    reservation: null,
  });
  return APPLIED;
}

const voidDecision = (code: VoidCode): Void => ({ ...voidBecause(VOID_REASONS[code]), code });

function callDecided(state: TaskPartitionState, atMs: number, decision: PayloadOf<'call_decided'>): Folded {
  const taken = takeSource(state, decision.source);
  if (taken.kind === 'void') return taken;
  const attempt = state.attempts.get(attemptKey(decision));
  if (attempt?.status !== 'open') return voidDecision('unknown');
  const waiting = decided(attempt.waiting, decision, atMs);
  if (typeof waiting === 'string') {
    const isUsed = attempt.steps.some(({ call }) => call.approval_id === decision.approval_id);
    return voidDecision(isUsed ? 'used' : waiting);
  }
  state.attempts.set(attempt.key, { ...attempt, waiting });
  return APPLIED;
}

function reserved(state: TaskPartitionState, turn: PayloadOf<'turn_reserved'>): Folded {
  const found = heldAttempt(state, turn);
  if (found.kind === 'void') return found;
  const { attempt } = found;
  state.attempts.set(attempt.key, {
    ...attempt,
    spending: loseOthersTurn(attempt, turn.owner),
    reservation: { owner: turn.owner, tokens: turn.reserved_tokens, usd: turn.reserved_usd },
  });
  return APPLIED;
}

/** A turn of another owner that was reserved and never journaled may have cost all of it. */
function loseOthersTurn(attempt: TaskAttempt, owner: string): Spending {
  const { spending, reservation } = attempt;
  if (reservation === null || reservation.owner === owner) return spending;
  return {
    ...spending,
    lostTokens: spending.lostTokens + reservation.tokens,
    lostUsd: spending.lostUsd + reservation.usd,
  };
}

/** The first outcome of a step wins, no matter who wrote it: it says what happened, not what should happen. */
function returned(state: TaskPartitionState, outcome: PayloadOf<'tool_returned'>): Folded {
  const attempt = state.attempts.get(attemptKey(outcome));
  const step = attempt?.steps[outcome.step - 1];
  if (attempt === undefined || step === undefined) return voidBecause('no such step');
  if (step.outcome !== null) return voidBecause('outcome known');
  state.attempts.set(attempt.key, { ...attempt, steps: attempt.steps.with(outcome.step - 1, { ...step, outcome }) });
  return APPLIED;
}

/**
 * Like an outcome it says what happened, so it counts no matter who wrote it. Nothing depends on it, and there may be
 * a hundred of each step: only those who report them keep them (attempt-journal.ts).
 */
const connected = (state: TaskPartitionState, connection: PayloadOf<'connection_ended'>): Folded =>
  state.attempts.has(attemptKey(connection)) ? APPLIED : voidBecause('no such attempt');

function ended(
  state: TaskPartitionState,
  by: { mission_id: string; task_id: string; attempt: number; owner: string },
  result: TaskResultPayload,
): Folded {
  const found = heldAttempt(state, by);
  if (found.kind === 'void') return found;
  const { attempt } = found;
  state.attempts.set(attempt.key, {
    ...attempt,
    status: result.type === 'task_completed' ? 'completed' : 'failed',
    waiting: null,
    result,
  });
  return APPLIED;
}

/** The step that was called and has no outcome; null when there is none. At most the last one. */
export function stepInDoubt(attempt: TaskAttempt): JournalStep | null {
  const last = attempt.steps.at(-1);
  return last !== undefined && last.outcome === null ? last : null;
}

/** Tokens and US dollars that are gone for a new turn of this owner: what is known, and what others may have spent. */
export function spentBefore(attempt: TaskAttempt, owner: string): { readonly tokens: number; readonly usd: number } {
  const spending = loseOthersTurn(attempt, owner);
  return {
    tokens: spending.tokensIn + spending.tokensOut + spending.lostTokens,
    usd: spending.costUsd + spending.lostUsd,
  };
}
