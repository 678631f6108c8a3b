/** One assigned tasks partition: folds it, holds it, and runs the open attempts in it. */
import type { AgentSpec } from '../../domain/agent-spec.js';
import { misplacedInTasks } from '../../domain/event-places.js';
import type { AgentEvent, EventOf } from '../../domain/events.js';
import { replayStart } from '../../domain/replay-start.js';
import { decodeTaskSnapshot, forgetJournal, forgetSettled, taskReplayPoint } from '../../domain/task-replay.js';
import { createTaskPartitionState, evolveTaskPartition, type TaskAttempt } from '../../domain/task-partition.js';
import { attemptKey } from '../../domain/partitioning.js';
import type { ReplayPoint } from '../../domain/record.js';
import type { LogRecord, PartitionAssignment, PartitionConsumer } from '../../ports/log.js';
import { createAcceptances } from './acceptances.js';
import { createClaim, type HeldClaim } from '../shared/claim.js';
import { createDeadLetters } from '../shared/dead-letters.js';
import { createPartitionExecutions } from './partition-executions.js';
import { createReadBack } from './read-back.js';
import { TaskTaken } from './reasons.js';
import { createResultSender } from './result-sender.js';
import type { Execution } from './task-execution.js';
import { createWaitingInstructions } from './waiting-instructions.js';
import type { WorkerContext } from './worker-context.js';

/** What counts only from the holder; outcomes count from anyone, and assignments are the orchestrator's. */
const HOLDERS_RECORDS: ReadonlySet<string> = new Set([
  'partition_claimed',
  'tool_called',
  'turn_reserved',
  'task_completed',
  'task_failed',
]);

export interface WorkerPartition extends PartitionConsumer {
  readonly topic: string;
  readonly partition: number;
  readonly agent: string;
  held(): boolean;
  /** What is being executed now. */
  running(): readonly Execution[];
  /** The replay point to commit; null while this process is not the holder, the metadata does not fit or a dead letter is not written. */
  replayPoint(): ReplayPoint | null;
  /** The replay point was committed: what lies below it may be forgotten. */
  onCommitted(point: ReplayPoint): void;
  /** No new steps; resolves when what runs has ended, or was stopped after graceMs, and every result was sent. */
  drain(graceMs: number): Promise<void>;
}

/** @throws DataLoss when the replay point cannot be trusted */
export function openWorkerPartition(
  context: WorkerContext,
  spec: AgentSpec,
  assignment: PartitionAssignment,
): WorkerPartition {
  const { topic, partition } = assignment;
  const { appenders, logger: parentLogger } = context.deps;
  const logger = parentLogger.child({ topic, partition });
  const start = replayStart(assignment);
  const state = createTaskPartitionState(
    start.offset,
    start.metadata === null ? undefined : decodeTaskSnapshot(start.metadata),
  );
  const readBack = createReadBack();
  const results = createResultSender(context, (attempt) => {
    logger.debug({ task_id: attempt.assignment.task_id }, 'result.acknowledged');
    forgetEnded(attempt.key);
  });
  const instructions = createWaitingInstructions(context.deps.packer);
  const fold = { held: () => claim.held(), attempt: (key: string) => state.attempts.get(key) };
  const executions = createPartitionExecutions(context, {
    topic,
    partition,
    spec,
    readBack,
    ...fold,
    onSlot: unstow,
    onEnded: forgetEnded,
  });
  const acceptances = createAcceptances(context, fold);
  let draining = false;

  const claim = createClaim({
    ...context.deps,
    createEvent: context.createEvent,
    partition: { topic, partition },
    appender: appenders.tasks,
    isAssigned: () => context.isAssigned({ topic, partition }, spec.name),
    onHeld: hold,
    onLost: lose,
    onFatal: context.onFatal,
  });
  const deadLetters = createDeadLetters({
    ...context.deps,
    logger,
    isHeld: () => claim.held() !== null,
    onFatal: context.onFatal,
  });
  claim.start();

  function hold(held: HeldClaim): void {
    logger.info({ owner: held.owner, claim_offset: held.claimOffset }, 'partition.held');
    deadLetters.onHeld();
    for (const attempt of state.attempts.values()) {
      if (attempt.status === 'open') begin(attempt.key);
      else results.send(attempt);
    }
    context.onHeldChanged();
  }

  function lose(): void {
    logger.info({}, 'partition.lost');
    const reason = new TaskTaken('claim_lost', `another process holds ${topic}/${partition}`);
    // Outcomes still count, whoever holds the partition: they say what happened.
    appenders.tasks.dropQueued(
      (request) =>
        request.topic === topic && request.partition === partition && HOLDERS_RECORDS.has(request.event.event_type),
    );
    acceptances.reset();
    executions.abortAll(reason);
    readBack.rejectAll(reason);
    context.onHeldChanged();
  }

  function begin(key: string): void {
    if (draining) return;
    acceptances.send(key);
    executions.enqueue(key);
  }

  /** Most open attempts wait for long. */
  function stow(key: string): void {
    const attempt = state.attempts.get(key);
    if (attempt !== undefined)
      state.attempts.set(key, {
        ...attempt,
        assignment: instructions.stow(key, context.shareText(attempt.assignment)),
      });
  }

  function unstow(attempt: TaskAttempt): TaskAttempt {
    const whole = { ...attempt, assignment: instructions.take(attempt.key, attempt.assignment) };
    state.attempts.set(attempt.key, whole);
    return whole;
  }

  /** An old open task may hold the replay point back for long; what ended behind it must not fill the memory. */
  function forgetEnded(key: string): void {
    if (executions.isRunning(key) || state.attempts.get(key)?.status === 'open') return;
    instructions.drop(key);
    forgetJournal(state, key, results.isAcknowledged);
  }

  function onRecord(record: LogRecord): void {
    if (record.content.kind === 'poison') return skip(record, record.content.reason);
    const { event } = record.content;
    const fault = misplacedInTasks(spec.name, event);
    if (fault !== null) return skip(record, fault);
    const folded = evolveTaskPartition(state, { offset: record.offset, timestampMs: record.timestampMs, event });
    if (folded !== 'applied')
      logger.debug({ offset: record.offset, event_type: event.event_type, why: folded }, 'record.void');
    react(event, record.offset, folded === 'applied');
  }

  /** Not folded: an assignment for another agent would move the mark beyond those for this one. */
  function skip(record: LogRecord, fault: string): void {
    state.position = record.offset + 1;
    deadLetters.skip(record, fault);
  }

  function react(event: AgentEvent, offset: number, applied: boolean): void {
    switch (event.event_type) {
      case 'partition_claimed':
        return claim.onRead(event.payload.owner, offset);
      case 'task_assigned':
        if (!applied) return;
        stow(attemptKey(event.payload));
        if (claim.held() !== null) begin(attemptKey(event.payload));
        return;
      case 'task_cancelled':
        if (!applied) return;
        executions.abort(attemptKey(event.payload), new TaskTaken('cancelled', event.payload.reason));
        return forgetEnded(attemptKey(event.payload));
      case 'tool_called':
      case 'turn_reserved':
      case 'tool_returned':
        return readBack.onRead(event, applied);
      case 'task_completed':
      case 'task_failed':
        return onResult(event, applied);
      default:
        return;
    }
  }

  function onResult(event: EventOf<'task_completed' | 'task_failed'>, applied: boolean): void {
    readBack.onRead(event, applied);
    const attempt = state.attempts.get(attemptKey(event.payload));
    if (!applied || attempt === undefined) return;
    if (claim.held() !== null) results.send(attempt);
    forgetEnded(attempt.key);
  }

  return {
    topic,
    partition,
    agent: spec.name,
    held: () => claim.held() !== null,
    running: executions.running,
    onRecords(records) {
      for (const record of records) onRecord(record);
    },
    onBlocked: (offset, reason) => context.blocked.block({ topic, partition }, offset, reason),
    onUnblocked: () => context.blocked.unblock({ topic, partition }),
    onClosed() {
      context.blocked.forget({ topic, partition });
      claim.close();
      readBack.close(new TaskTaken('claim_lost', 'the partition was taken away'));
    },
    replayPoint: () =>
      claim.held() === null || !deadLetters.isSettled() ? null : taskReplayPoint(state, results.isAcknowledged),
    onCommitted(point) {
      for (const key of forgetSettled(state, point.offset, results.isAcknowledged)) results.forget(key);
    },
    async drain(graceMs) {
      draining = true;
      const reason = new TaskTaken('draining', 'the process is shutting down');
      // A record that cannot be read (a blocked partition) must not keep the process from ending.
      const giveUp = context.deps.clock.setTimer(graceMs, () => readBack.close(reason));
      await executions.drain(reason, graceMs);
      giveUp.cancel();
      await Promise.all([results.settled(), deadLetters.settled()]);
    },
  };
}
