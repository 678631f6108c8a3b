/** Watches one tasks partition: what its log means, from offset 0, by the rules of the true domain. */
import { workspaceOf } from '../../src/domain/continuation.js';
import { baselineOf } from '../../src/domain/baseline.js';
import type { EventOf, PayloadOf } from '../../src/domain/events.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { FoldRecord } from '../../src/domain/record.js';
import { SNAPSHOTS } from '../../src/domain/requirements.js';
import {
  createTaskPartitionState,
  evolveTaskPartition,
  type TaskAttempt,
  type TaskPartitionState,
  type TaskSnapshot,
} from '../../src/domain/task-partition.js';
import { decodeTaskSnapshot } from '../../src/domain/task-replay.js';
import type { CommittedOffset } from '../../src/ports/log.js';
import type { PastStep } from '../../src/ports/model.js';
import type { ToolCall } from '../../src/ports/tools.js';
import type { SimProcess } from './sim-process.js';
import { isSame } from './same.js';
import { isVacuousCheck } from './sim-tools.js';
import { sortedJson } from './sorted-json.js';
import { Violation } from './violation.js';

export interface TaskOracle {
  readonly state: TaskPartitionState;
  /** Ids of calls whose outcome came before their attempt had ended. */
  readonly answered: ReadonlySet<string>;
  onWritten(record: FoldRecord): void;
  /** A record that no fold takes: it has an offset, and that is all. */
  onPoison(): void;
  /**
   * @param readUpTo next offset that the process will read in this partition
   * @param revisions of the process's agents, by name
   */
  checkStart(call: ToolCall, readUpTo: number, revisions: ReadonlyMap<string, string>): void;
  needsSnapshot(attempt: string): boolean;
  /** @param readUpTo next offset that the process will read in this partition */
  checkBaselineStart(attempt: string, readUpTo: number): void;
  checkCommit(committed: CommittedOffset, isDelivered: (attemptKey: string) => boolean): void;
  checkFolds(committed: CommittedOffset | null): void;
  /** A model is shown these steps of an attempt. */
  onTold(process: SimProcess, attempt: string, steps: readonly PastStep[]): void;
}

export function createTaskOracle(place: string): TaskOracle {
  const state = createTaskPartitionState();
  /** By offset; null if unreadable. */
  const records: (FoldRecord | null)[] = [];
  /** The small state just before each offset. */
  const snapshots: TaskSnapshot[] = [{ holder: null, marks: {} }];
  const callOffsets = new Map<string, number>();
  const answered = new Set<string>();
  const told = new Set<string>();
  const claims = new Map<number, string>();

  function onWritten(record: FoldRecord): void {
    records.push(record);
    const folded = evolveTaskPartition(state, record);
    snapshots.push({ holder: state.holder, marks: state.marks });
    const { event } = record;
    if (event.event_type === 'partition_claimed') claims.set(record.offset, event.payload.owner);
    if (folded.kind === 'void') return;
    if (event.event_type === 'task_assigned' && event.payload.kind === 'task' && event.payload.agent_digest === null)
      throw new Violation('known-agents', `${attemptKey(event.payload)} is assigned without its agent's file`);
    if (event.event_type === 'tool_called') {
      callOffsets.set(stepName(event), record.offset);
      if (event.payload.step === 1) checkBaseline(state.attempts.get(attemptKey(event.payload)));
    }
    if (event.event_type === 'tool_returned') {
      const attempt = state.attempts.get(attemptKey(event.payload));
      const step = attempt?.steps[event.payload.step - 1];
      if (attempt?.status === 'open' && step !== undefined) answered.add(step.callId);
    }
    if (event.event_type === 'task_completed') checkProof(state.attempts.get(attemptKey(event.payload)), event);
    if (event.event_type === 'task_failed' && event.payload.code === 'agent_revision' && !event.payload.retriable)
      throw new Violation(
        'keeps-revision',
        `${attemptKey(event.payload)} fails for want of a revision, and is not retried`,
      );
  }

  function onPoison(): void {
    records.push(null);
    state.position += 1;
    snapshots.push({ holder: state.holder, marks: state.marks });
  }

  function checkStart(call: ToolCall, readUpTo: number, revisions: ReadonlyMap<string, string>): void {
    const { missionId, taskId, attempt: number } = call.task;
    const key = attemptKey({ mission_id: missionId, task_id: taskId, attempt: number });
    const what = `${key}#${call.step} at ${place}`;
    const attempt = state.attempts.get(key);
    const step = attempt?.steps[call.step - 1];
    const offset = callOffsets.get(`${key}#${call.step}`);
    if (attempt === undefined || step === undefined || offset === undefined)
      throw new Violation('read-back-first', `${what}: no such call counts`);
    if (step.call.owner !== claims.get(call.claimOffset))
      throw new Violation(
        'read-back-first',
        `${what}: the call is ${step.call.owner}'s, the start is by claim ${call.claimOffset} of ` +
          `${claims.get(call.claimOffset)}`,
      );
    if (readUpTo <= offset)
      throw new Violation(
        'read-back-first',
        `${what}: the call is at ${offset}, the process has read up to ${readUpTo}`,
      );
    if (step.call.tool !== call.tool || step.call.arguments !== JSON.stringify(call.arguments))
      throw new Violation('read-back-first', `${what}: what runs is not what the record says`);
    checkRevision(what, attempt.assignment, revisions);
    if (!step.call.idempotent) {
      if (step.outcome !== null)
        throw new Violation('no-start-after-outcome', `${what}: ${step.outcome.outcome} by ${step.outcome.owner}`);
      if (attempt.status === 'completed' || attempt.status === 'failed')
        throw new Violation('no-start-after-end', `${what}: ${attempt.status}`);
    }
    for (const earlier of attempt.steps.slice(0, call.step - 1)) {
      const isSame =
        earlier.call.tool === step.call.tool &&
        earlier.call.arguments === step.call.arguments &&
        !earlier.call.idempotent;
      if (isSame && earlier.outcome?.outcome === 'unknown' && !told.has(`${key}#${earlier.call.step}`)) {
        throw new Violation(
          'told-of-doubt',
          `${what}: step ${earlier.call.step} is in doubt, and no model was informed`,
        );
      }
    }
  }

  function checkCommit({ offset, metadata }: CommittedOffset, isDelivered: (key: string) => boolean): void {
    for (const attempt of state.attempts.values()) {
      if (attempt.firstOffset >= offset) continue;
      if (attempt.status === 'open')
        throw new Violation(
          'replay-point',
          `${place}: ${offset} is committed, and ${attempt.key} from ${attempt.firstOffset} is open`,
        );
      if (attempt.result !== null && !isDelivered(attempt.key))
        throw new Violation(
          'replay-point',
          `${place}: ${offset} is committed, and the result of ${attempt.key} has not reached its mission`,
        );
    }
    const expected = snapshots[offset];
    if (expected === undefined)
      throw new Violation('replay-point', `${place}: ${offset} is committed, and the log ends at ${records.length}`);
    const found = decodeOrNull(metadata);
    if (!isSame(found, expected))
      throw new Violation(
        'replay-state',
        `${place}: ${offset} is committed with ${sortedJson(found)}, and the fold has ${sortedJson(expected)}`,
      );
  }

  function checkFolds(committed: CommittedOffset | null): void {
    const again = createTaskPartitionState();
    foldAll(again, records);
    if (!isSame(again, state)) throw new Violation('folds-equal', `${place}: two folds from the beginning differ`);
    if (committed === null) return;
    const part = createTaskPartitionState(committed.offset, decodeTaskSnapshot(committed.metadata));
    foldAll(part, records.slice(committed.offset));
    for (const attempt of part.attempts.values()) {
      if (!isSame(attempt, state.attempts.get(attempt.key)))
        throw new Violation('replay-state', `${place}: ${attempt.key} folded from ${committed.offset} is another`);
    }
    if (!isSame([part.holder, part.marks], [state.holder, state.marks]))
      throw new Violation('replay-state', `${place}: holder or marks folded from ${committed.offset} are others`);
  }

  return {
    state,
    answered,
    onWritten,
    onPoison,
    checkStart,
    needsSnapshot: (key) => state.attempts.get(key)?.assignment.requires.includes(SNAPSHOTS) === true,
    checkBaselineStart(key, readUpTo) {
      const first = callOffsets.get(`${key}#1`);
      if (first !== undefined && first < readUpTo)
        throw new Violation('baseline-once', `${key} at ${place}: its first step at ${first} was read`);
    },
    checkCommit,
    checkFolds,
    onTold(process, key, steps) {
      for (const { step, outcome } of steps) {
        if (outcome === 'unknown') told.add(`${key}#${step}`);
        const logged = state.attempts.get(key)?.steps[step - 1];
        // A process knows the outcome of its step before the log does; a paused one may not know that another was
        // first.
        if (logged === undefined || logged.outcome === null || logged.call.owner.startsWith(`${process.id}/`)) continue;
        if (logged.outcome.outcome !== outcome)
          throw new Violation(
            'first-outcome',
            `${key}#${step} is shown as ${outcome}, and the log has ${logged.outcome.outcome} first`,
          );
      }
    },
  };
}

function checkRevision(
  what: string,
  { agent, agent_digest: wanted }: PayloadOf<'task_assigned'>,
  revisions: ReadonlyMap<string, string>,
): void {
  const found = revisions.get(agent);
  if (wanted !== null && found !== wanted)
    throw new Violation('keeps-revision', `${what}: ${agent} runs as ${found}, and was assigned as ${wanted}`);
}

const checksOf = ({ assignment }: TaskAttempt) => [...assignment.acceptance, ...(assignment.playbook_acceptance ?? [])];

/** In the simulated world a check holds before the work only if it is vacuous. */
function checkBaseline(attempt: TaskAttempt | undefined): void {
  if (attempt === undefined || attempt.assignment.kind === 'verify' || checksOf(attempt).length === 0) return;
  const baseline = baselineOf(attempt);
  if (baseline === null) throw new Violation('baseline-first', `${attempt.key} has a first step without a baseline`);
  const late = baseline.checks.some(({ workspace, empty }) => workspace === 0 && empty !== 0);
  if (late) throw new Violation('baseline-first', `${attempt.key} has a baseline that shows its own work`);
}

function checkProof(attempt: TaskAttempt | undefined, { payload }: EventOf<'task_completed'>): void {
  if (attempt === undefined || attempt.assignment.kind === 'verify') return;
  const isProven = checksOf(attempt).some(({ command }) => !isVacuousCheck(workspaceOf(attempt.assignment), command));
  if (payload.result.status === 'verified' && !isProven)
    throw new Violation('verified-is-proven', `${attempt.key} is verified by checks that always pass`);
}

function foldAll(state: TaskPartitionState, records: readonly (FoldRecord | null)[]): void {
  for (const record of records) {
    if (record === null) state.position += 1;
    else evolveTaskPartition(state, record);
  }
}

const stepName = (event: EventOf<'tool_called'>): string => `${attemptKey(event.payload)}#${event.payload.step}`;

function decodeOrNull(metadata: string): unknown {
  try {
    return decodeTaskSnapshot(metadata);
  } catch (error) {
    return String(error); // shown as what was committed
  }
}
