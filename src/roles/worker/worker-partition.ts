/** One assigned tasks partition: folds it, holds it, and runs the open attempts in it. */
import { misplacedInTasks } from '../../domain/event-places.js';
import type { AgentEvent, EventOf } from '../../domain/events.js';
import { decodeTaskSnapshot, forgetJournal, forgetSettled, taskReplayPoint } from '../../domain/task-replay.js';
import {
  createTaskPartitionState,
  evolveTaskPartition,
  type TaskAttempt,
  type TaskPartitionState,
} from '../../domain/task-partition.js';
import { attemptKey } from '../../domain/partitioning.js';
import type { Folded, ReplayPoint } from '../../domain/record.js';
import type { LogRecord, PartitionAssignment, PartitionConsumer, PartitionId } from '../../ports/log.js';
import type { Logger } from '../../ports/logger.js';
import { createClaim, type Claim } from '../shared/claim.js';
import { createDeadLetters, type DeadLetters } from '../shared/dead-letters.js';
import { foldStart } from '../shared/fold-start.js';
import type { HeldClaim } from '../shared/partition-life.js';
import { TaskTaken } from './abort-reasons.js';
import { createAcceptances, type Acceptances } from './acceptances.js';
import { createPartitionExecutions, type PartitionExecutions } from './partition-executions.js';
import { createReadBack, type ReadBack } from './read-back.js';
import { createResultSender, type ResultSender } from './result-sender.js';
import type { Execution } from './task-execution.js';
import { createSuspensions, type Suspensions } from './suspensions.js';
import { createTaskTraces, type TaskTraces } from './task-traces.js';
import { createWaitingInstructions, type WaitingInstructions } from './waiting-instructions.js';
import { createWaitingCalls, type WaitingCalls } from './waiting-calls.js';
import { measureTask } from './task-measures.js';
import type { WorkerContext } from './worker-context.js';
import { aboutAttempt } from './about-attempt.js';

/** What counts only from the holder; outcomes count from anyone, and assignments are the orchestrator's. */
const HOLDERS_RECORDS: ReadonlySet<string> = new Set([
  'partition_claimed',
  'call_proposed',
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
  /** Whether it is read to its end and no attempt in it is open. */
  isDone(): boolean;
  /**
   * The replay point to commit; null while this process is not the holder, the metadata does not fit or a dead letter
   * is not written.
   */
  replayPoint(): ReplayPoint | null;
  /** Records from the committed replay point to the last one that was read. */
  replayLag(): number;
  /** The replay point was committed: what lies below it may be forgotten. */
  onCommitted(point: ReplayPoint): void;
  /** No new steps; resolves when what runs has ended, or was stopped after graceMs, and every result was sent. */
  drain(graceMs: number): Promise<void>;
}

/** The parts of an open partition. Each is made before anything refers to it. */
interface Parts extends PartitionId {
  readonly context: WorkerContext;
  readonly agent: string;
  readonly logger: Logger;
  readonly state: TaskPartitionState;
  readonly claim: Claim;
  readonly deadLetters: DeadLetters;
  readonly readBack: ReadBack;
  readonly instructions: WaitingInstructions;
  readonly suspensions: Suspensions;
  readonly results: ResultSender;
  readonly executions: PartitionExecutions;
  readonly acceptances: Acceptances;
  readonly waiting: WaitingCalls;
  readonly traces: TaskTraces;
  /** True once the process shuts down: then nothing new starts. */
  draining: boolean;
  /** Where the next holder would start to read. */
  committedOffset: number;
}

/** @throws DataLoss when the replay point cannot be trusted */
export function openWorkerPartition(
  context: WorkerContext,
  agent: string,
  assignment: PartitionAssignment,
): WorkerPartition {
  const parts = createParts(context, agent, assignment);
  const { topic, partition, state, claim, deadLetters, readBack, results, executions, traces } = parts;
  claim.start({ onHeld: (held) => hold(parts, held), onLost: (how) => lose(parts, how) });
  return {
    topic,
    partition,
    agent,
    held: () => claim.held() !== null,
    running: executions.running,
    isDone: () => claim.held() !== null && [...state.attempts.values()].every(({ status }) => status !== 'open'),
    onRecords(records) {
      for (const record of records) takeRecord(parts, record);
    },
    room: deadLetters.room,
    onBlocked: (offset, reason) => context.blocked.block({ topic, partition }, offset, reason),
    onUnblocked: () => context.blocked.unblock({ topic, partition }),
    onClosed() {
      context.blocked.forget({ topic, partition });
      claim.close();
      parts.waiting.reset();
      parts.suspensions.reset();
      readBack.close(new TaskTaken('claim_lost', 'the partition was revoked'));
    },
    replayPoint: () =>
      claim.held() === null || !deadLetters.isSettled()
        ? null
        : taskReplayPoint(state, results.isAcknowledged, traces.isSettled),
    replayLag: () => state.position - parts.committedOffset,
    onCommitted(point) {
      parts.committedOffset = point.offset;
      for (const key of forgetSettled(state, point.offset, results.isAcknowledged, traces.isSettled))
        results.forget(key);
    },
    drain: (graceMs) => drain(parts, graceMs),
  };
}

function createParts(context: WorkerContext, agent: string, assignment: PartitionAssignment): Parts {
  const { topic, partition } = assignment;
  const { deps, createEvent, onFatal } = context;
  const logger = deps.logger.child({ topic, partition });
  const start = foldStart(assignment, logger);
  const state = createTaskPartitionState(
    start.offset,
    start.metadata === null ? undefined : decodeTaskSnapshot(start.metadata),
  );
  const claim = createClaim({
    ...deps,
    createEvent,
    partition: { topic, partition },
    appender: deps.appenders.tasks,
    isAssigned: () => context.isAssigned({ topic, partition }, agent),
    onFatal,
  });
  const fold = { held: claim.held, attempt: (key: string) => state.attempts.get(key) };
  const readBack = createReadBack(deps);
  const instructions = createWaitingInstructions(deps.packer);
  const acceptances = createAcceptances(context, fold);
  const results = createResultSender(context);
  const suspensions = createSuspensions(context, { ...fold, resume: (key) => executions.enqueue(key) });
  const waiting = createWaitingCalls(context, { ...fold, resume: (key) => executions.enqueue(key) });
  const executions = createPartitionExecutions(context, {
    topic,
    partition,
    agent,
    readBack,
    ...fold,
    onSlot: (attempt) => suspensions.withTimeLeft(restore(state, instructions, attempt)),
    onSuspended: suspensions.onWaiting,
    isSuspensionOver: suspensions.isOver,
    isDue: (attempt) =>
      (attempt.suspendedSinceMs === null && waiting.isDue(attempt)) || suspensions.isOver(attempt.key),
  });
  const deadLetters = createDeadLetters({ ...deps, logger, isHeld: () => claim.held() !== null, onFatal });
  const parts = {
    context,
    topic,
    partition,
    agent,
    logger,
    state,
    claim,
    deadLetters,
    readBack,
    instructions,
    suspensions,
  };
  const later = { traces: createTaskTraces(context), draining: false, committedOffset: start.offset };
  const whole: Parts = { ...parts, results, executions, acceptances, waiting, ...later };
  executions.subscribe((key) => forgetEnded(whole, key));
  results.subscribe((attempt) => {
    logger.debug(aboutAttempt(attempt), 'result.acknowledged');
    forgetEnded(whole, attempt.key);
  });
  return whole;
}

function hold(parts: Parts, held: HeldClaim): void {
  const { context, topic, partition, logger, deadLetters, state, results } = parts;
  logger.debug({ owner: held.owner, claim_offset: held.claimOffset }, 'partition.held');
  context.deps.onPartition?.('held', { topic, partition });
  deadLetters.onHeld();
  for (const attempt of state.attempts.values()) {
    if (attempt.status === 'open') begin(parts, attempt.key);
    else results.send(attempt);
  }
  context.onHeldChanged();
}

function lose(parts: Parts, how: 'released' | 'lost'): void {
  const { context, topic, partition, logger, acceptances, waiting, executions, readBack } = parts;
  logger.debug({}, `partition.${how}`);
  context.deps.onPartition?.(how, { topic, partition });
  if (how === 'lost') context.deps.metrics.claimLost(topic);
  parts.suspensions.reset();
  const reason = new TaskTaken('claim_lost', `another process holds ${topic}/${partition}`);
  // Outcomes still count, whichever process holds the partition: they say what happened.
  context.deps.appenders.tasks.dropQueued(
    (request) =>
      request.topic === topic && request.partition === partition && HOLDERS_RECORDS.has(request.event.event_type),
  );
  acceptances.reset();
  waiting.reset();
  executions.abortAll(reason);
  readBack.rejectAll(reason);
  context.onHeldChanged();
}

function begin({ draining, state, acceptances, suspensions, waiting, executions }: Parts, key: string): void {
  if (draining) return;
  suspensions.begin(key);
  // Its pause says that it has arrived.
  if (state.attempts.get(key)?.waiting) return waiting.begin(key);
  acceptances.send(key);
  executions.enqueue(key);
}

/** Most open attempts wait for long. */
function compress({ context, state, instructions }: Parts, key: string): void {
  const attempt = state.attempts.get(key);
  if (attempt === undefined) return;
  const assignment = instructions.compress(key, context.shareText(attempt.assignment));
  state.attempts.set(key, { ...attempt, assignment });
}

function restore(state: TaskPartitionState, instructions: WaitingInstructions, attempt: TaskAttempt): TaskAttempt {
  const whole = { ...attempt, assignment: instructions.restore(attempt.key, attempt.assignment) };
  state.attempts.set(attempt.key, whole);
  return whole;
}

/** An old open task may hold the replay point back for long; what ended behind it must not fill the memory. */
function forgetEnded({ state, executions, instructions, suspensions, results }: Parts, key: string): void {
  if (executions.isRunning(key) || state.attempts.get(key)?.status === 'open') return;
  suspensions.forget(key);
  instructions.drop(key);
  forgetJournal(state, key, results.isAcknowledged);
}

function takeRecord(parts: Parts, record: LogRecord): void {
  if (record.content.kind === 'poison') return skip(parts, record, record.content.reason);
  const { event } = record.content;
  const fault = misplacedInTasks(parts.agent, event);
  if (fault !== null) return skip(parts, record, fault);
  const { offset, timestampMs } = record;
  const waitingBefore = waitingOf(parts, event);
  const foldRecord = { offset, timestampMs, event };
  const folded = evolveTaskPartition(parts.state, foldRecord);
  if (folded.kind === 'applied') parts.traces.onRecord(record, foldRecord);
  if (folded.kind === 'void')
    parts.logger.debug({ offset, event_type: event.event_type, why: folded.reason }, 'record.void');
  else if (parts.claim.held() !== null) measureTask(measuresOf(parts), event, waitingBefore);
  react(parts, { event, offset, timestampMs, folded });
}

/** A call that waits and is decided by this event. */
const waitingOf = ({ state }: Parts, { event_type, payload }: AgentEvent) =>
  event_type === 'tool_called' ? (state.attempts.get(attemptKey(payload))?.waiting ?? null) : null;

const measuresOf = ({ context: { deps, verifyAnswer }, agent, state }: Parts) => ({
  metrics: deps.metrics,
  agent,
  state,
  verifyAnswer,
});

/** Not folded: an assignment for another agent would move the mark beyond those for this one. */
function skip({ state, deadLetters }: Parts, record: LogRecord, fault: string): void {
  state.position = record.offset + 1;
  deadLetters.skip(record, fault);
}

interface FoldedEvent {
  readonly event: AgentEvent;
  readonly offset: number;
  readonly timestampMs: number;
  readonly folded: Folded;
}

function react(parts: Parts, { event, offset, timestampMs, folded }: FoldedEvent): void {
  const applied = folded.kind === 'applied';
  switch (event.event_type) {
    case 'partition_claimed':
      return parts.claim.onRead(event.payload.owner, offset);
    case 'task_assigned':
      if (!applied) return;
      compress(parts, attemptKey(event.payload));
      if (parts.claim.held() !== null) begin(parts, attemptKey(event.payload));
      return;
    case 'task_cancelled':
      if (!applied) return;
      parts.executions.abort(attemptKey(event.payload), new TaskTaken('cancelled', event.payload.reason));
      return forgetEnded(parts, attemptKey(event.payload));
    case 'task_suspended':
      if (applied) onSuspension(parts, attemptKey(event.payload), event.payload.suspended);
      return;
    case 'call_proposed':
      parts.readBack.onRead(event, applied);
      if (applied && parts.claim.held() !== null) begin(parts, attemptKey(event.payload));
      return;
    case 'call_decided':
      if (parts.claim.held() !== null) parts.waiting.onDecided(event, folded, timestampMs);
      return;
    case 'tool_called':
    case 'turn_reserved':
    case 'tool_returned':
      return parts.readBack.onRead(event, applied);
    case 'task_completed':
    case 'task_failed':
      return onResult(parts, event, applied);
    default:
      return;
  }
}

function onSuspension({ draining, claim, suspensions, executions }: Parts, key: string, waits: boolean): void {
  if (!waits) {
    suspensions.end(key);
    executions.enqueue(key);
  } else if (!draining && claim.held() !== null) suspensions.begin(key);
}

function onResult(parts: Parts, event: EventOf<'task_completed' | 'task_failed'>, applied: boolean): void {
  parts.readBack.onRead(event, applied);
  const attempt = parts.state.attempts.get(attemptKey(event.payload));
  if (!applied || attempt === undefined) return;
  if (parts.claim.held() !== null) parts.results.send(attempt);
  forgetEnded(parts, attempt.key);
}

async function drain(parts: Parts, graceMs: number): Promise<void> {
  const { context, readBack, executions, results, deadLetters } = parts;
  parts.draining = true;
  parts.waiting.reset();
  parts.suspensions.reset();
  const reason = new TaskTaken('draining', 'the process is shutting down');
  // A record that cannot be read (a blocked partition) must not keep the process from ending.
  const giveUpMs = graceMs + context.timings.drainReadMs;
  const giveUp = context.deps.clock.setTimer(giveUpMs, () => readBack.close(reason));
  await executions.drain(reason, graceMs);
  giveUp.cancel();
  await Promise.all([results.settled(), deadLetters.settled()]);
}
