/** The calls of one tasks partition that wait for a person: their missions hear of them, and their time runs. */
import type { EventOf } from '../../domain/events.js';
import { attemptKey } from '../../domain/partitioning.js';
import type { Folded } from '../../domain/record.js';
import type { TaskAttempt } from '../../domain/task-partition.js';
import { countingDecision, VOID_REASONS, type VoidCode } from '../../domain/waiting-call.js';
import type { Timer } from '../../ports/clock.js';
import type { HeldClaim } from '../shared/partition-life.js';
import type { MissionNews, WorkerContext } from './worker-context.js';

export interface WaitingCalls {
  /** A call waits under the held claim, which was read back. Says so, and continues the attempt when it is decided. */
  begin(attemptKey: string): void;
  /** Whether the attempt may run: nothing waits, or what waits is decided or has expired. */
  isDue(attempt: TaskAttempt): boolean;
  /** A decision was read under the held claim. atMs: when the log took it. */
  onDecided(event: EventOf<'call_decided'>, folded: Folded, atMs: number): void;
  /** The claim is lost, or nothing new starts any more. */
  reset(): void;
}

export interface WaitingCallsDeps {
  held(): HeldClaim | null;
  attempt(attemptKey: string): TaskAttempt | undefined;
  /** The attempt may continue. */
  resume(attemptKey: string): void;
}

/** Timers of the platform take no longer ones. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

export function createWaitingCalls(context: WorkerContext, deps: WaitingCallsDeps): WaitingCalls {
  const { clock } = context.deps;
  /** By approval id: what still runs, and what has run out. */
  const timers = new Map<string, Timer>();
  const expired = new Set<string>();

  const isDue = ({ waiting }: TaskAttempt): boolean =>
    waiting === null || expired.has(waiting.approvalId) || countingDecision(waiting, context.verifyAnswer) !== null;

  function begin(key: string): void {
    const attempt = deps.attempt(key);
    const held = deps.held();
    if (attempt === undefined || attempt.waiting === null || held === null) return;
    const { approvalId, proposal } = attempt.waiting;
    void context.sendToMission(attempt, pauseNews(attempt, held.owner));
    if (isDue(attempt)) return deps.resume(key);
    // Read before the claim was held: nothing has been said about them yet.
    for (const decision of attempt.waiting.decisions) {
      const code = context.verifyAnswer(decision, decision.atMs);
      if (code !== null) refuse(context, attempt, { event_id: approvalId, payload: decision }, code);
    }
    if (timers.has(approvalId)) return;
    const leftMs = Math.min(LONGEST_WAIT_MS, Math.max(0, proposal.expires_at - clock.now()));
    const timer = clock.setTimer(leftMs, () => {
      timers.delete(approvalId);
      if (deps.attempt(key)?.waiting?.approvalId !== approvalId) return; // cancelled meanwhile
      expired.add(approvalId);
      deps.resume(key);
    });
    timers.set(approvalId, timer);
  }

  function onDecided(event: EventOf<'call_decided'>, folded: Folded, atMs: number): void {
    const attempt = deps.attempt(attemptKey(event.payload));
    const code = folded.kind === 'void' ? (folded.code ?? null) : context.verifyAnswer(event.payload, atMs);
    if (code !== null) return refuse(context, attempt, event, code);
    // A second copy of a decision that was taken says nothing new.
    if (folded.kind === 'void' || attempt === undefined) return;
    timers.get(event.payload.approval_id)?.cancel();
    timers.delete(event.payload.approval_id);
    deps.resume(attempt.key);
  }

  return {
    begin,
    isDue,
    onDecided,
    reset() {
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      expired.clear();
    },
  };
}

/** Records that a decision does not count, and why. */
function refuse(
  context: WorkerContext,
  attempt: TaskAttempt | undefined,
  event: Pick<EventOf<'call_decided'>, 'event_id' | 'payload'>,
  code: VoidCode,
): void {
  const { mission_id, task_id, attempt: number, approval_id, answer_id, answered_by } = event.payload;
  const reason = VOID_REASONS[code];
  context.deps.logger.warn({ mission_id, task_id, approval_id, answered_by, code, reason }, 'approval.void');
  if (attempt === undefined) return;
  void context.sendToMission(attempt, {
    type: 'approval_void',
    causedBy: event.event_id,
    payload: {
      mission_id,
      task_id,
      attempt: number,
      approval_id,
      answer_id,
      answered_by,
      code,
      reason,
      owner: null,
    },
  });
}

function pauseNews({ waiting, assignment: { agent } }: TaskAttempt, owner: string): MissionNews {
  if (waiting === null) throw new TypeError('nothing waits');
  const { approvalId: approval_id, proposal } = waiting;
  const { mission_id, task_id, attempt, step, tool, checks, rule, reason, working_dir, digest } = proposal;
  const call = { mission_id, task_id, attempt, step, agent, tool, arguments: proposal.arguments, checks, working_dir };
  const { expires_at, remaining_ms, tainted_by } = proposal;
  return {
    type: 'task_paused',
    causedBy: approval_id,
    payload: { ...call, owner, approval_id, rule, reason, digest, expires_at, remaining_ms, tainted_by },
  };
}
