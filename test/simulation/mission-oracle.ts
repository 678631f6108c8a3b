/** Watches one coordination partition: what its log means, from offset 0, by the rules of the true domain. */
import type { DaySpending } from '../../src/domain/daily-spending.js';
import { SNAPSHOTS } from '../../src/domain/requirements.js';
import type { AgentEvent, EventOf, PayloadOf } from '../../src/domain/events.js';
import { evolveCoordination, missionIdOf, ownerOfDecision } from '../../src/domain/mission-evolve.js';
import { parseMissionId } from '../../src/domain/mission-id.js';
import { restoreCoordination } from '../../src/domain/mission-replay.js';
import { reportMission } from '../../src/domain/mission-report.js';
import {
  createCoordinationState,
  isOpen,
  type CoordinationSnapshot,
  type CoordinationState,
  type Effect,
  type Mission,
} from '../../src/domain/mission-state.js';
import { endedWell, hasOpenAttempt } from '../../src/domain/mission-task-state.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import type { FoldRecord } from '../../src/domain/record.js';
import type { CommittedOffset } from '../../src/ports/log.js';
import { createCapOracle, type SimCap } from './cap-oracle.js';
import { createRequestOracle } from './request-oracle.js';
import { isSame } from './same.js';
import { createWaitOracle } from './wait-oracle.js';
import { createUseOracle } from './use-oracle.js';
import { sortedJson } from './sorted-json.js';
import { Violation } from './violation.js';

export interface MissionOracle {
  readonly partition: number;
  readonly state: CoordinationState;
  /** Every decision that must reach a tasks partition, by its offset. */
  readonly effects: ReadonlyMap<number, Effect>;
  /** Mission by the event_id of each request for a plan that a model has answered. */
  readonly plannerChats: ReadonlyMap<string, string>;
  onWritten(record: FoldRecord): void;
  /** A record that no fold takes: it has an offset, and that is all. */
  onPoison(): void;
  checkCommit(committed: CommittedOffset, isCarriedOut: (effect: Effect) => boolean): void;
  checkFolds(committed: CommittedOffset | null): void;
}

export interface MissionOracleOptions {
  /** Whether the swarm has operators. */
  readonly signs: boolean;
  /** Whether orchestrators see each record within a second. */
  readonly isPrompt: boolean;
  readonly cap: SimCap | null;
}

export function createMissionOracle(partition: number, { signs, isPrompt, cap }: MissionOracleOptions): MissionOracle {
  const place = `coordination[${partition}]`;
  const state = createCoordinationState(partition);
  /** By offset; null if unreadable. */
  const records: (FoldRecord | null)[] = [];
  const snapshots: CoordinationSnapshot[] = [{ holder: null, epoch: null }];
  const effects = new Map<number, Effect>();
  const plannerChats = new Map<string, string>();
  /** The last request for a plan, by mission, until it is answered. */
  const planAsked = new Map<string, string>();
  const seenEvents = new Set<string>();
  const requests = createRequestOracle(place, signs);
  const uses = createUseOracle(place, state);
  const capped = createCapOracle(place, state, cap);
  const waits = createWaitOracle(place, isPrompt ? 1_000 : null);
  /** How each attempt ended, by the first word on it. */
  const firstWords = new Map<string, string>();
  /** Owner of the decision that counted, by attempt. */
  const assignedBy = new Map<string, string>();

  function onWritten(record: FoldRecord): void {
    const { event, offset } = record;
    records.push(record);
    requests.onWritten(event);
    if (event.event_type === 'partition_claimed') capped.onClaimed(event.payload.owner, offset);
    const id = missionIdOf(event);
    const before = id === null ? undefined : state.missions.get(id);
    const holder = state.holder?.owner ?? null;
    const paused = pausedBy(before, event);
    const early = waits.tooEarly(before, event, record.timestampMs);
    const folded = evolveCoordination(state, record);
    snapshots.push({ holder: state.holder, epoch: state.epoch });
    if (folded.kind === 'applied' && before !== undefined) {
      applied(before, event, offset);
      if (early !== null) throw new Violation('waits-are-whole', early);
      capped.onApplied(event, offset);
      waits.onApplied(state.missions.get(before.id) ?? before, event, record.timestampMs);
    }
    if (folded.kind === 'applied' && paused !== null)
      throw new Violation('pause-stops-time', `${place}: ${paused} is ended by its deadline, and a call of it waits`);
    if (folded.kind === 'void') checkVoid(event, holder);
    uses.onWritten(record, folded, holder, seenEvents.has(event.event_id));
    seenEvents.add(event.event_id);
  }

  function onPoison(): void {
    records.push(null);
    state.position += 1;
    snapshots.push({ holder: state.holder, epoch: state.epoch });
  }

  function applied(before: Mission, event: AgentEvent, offset: number): void {
    requests.onApplied(before, event);
    notePlanning(before, event);
    checkWorkspace(before, event);
    checkPause(before, event);
    switch (event.event_type) {
      case 'task_assigned':
        assignedBy.set(attemptKey(event.payload), event.payload.owner);
        // A fence runs nothing: it ends what an earlier attempt may have left running.
        if (event.payload.only !== 'fence') {
          checkWaves(before, event.payload.wave_number, event.payload.task_id);
          checkFences(before, event.payload.task_id);
        }
        checkName(before, event.payload);
        checkRequirements(before, event);
        effects.set(offset, { offset, event });
        return;
      case 'plan_proposed':
        if (event.payload.planner === 'order' && before.request.planner !== 'order')
          throw new Violation('plan-has-a-reader', `${place}: ${before.id} is planned by the order`);
        return;
      case 'wave_started':
        return checkWaves(before, event.payload.wave_number, `wave ${event.payload.wave_number}`);
      case 'call_decided':
      case 'task_suspended':
        return void effects.set(offset, { offset, event });
      case 'task_cancelled':
        effects.set(offset, { offset, event });
        return firstWord(attemptKey(event.payload), event.event_id);
      case 'task_completed':
      case 'task_failed':
        return firstWord(attemptKey(event.payload), event.event_id);
      case 'mission_failed':
        checkWant(event.payload.reason);
        return checkEnd(before, event.event_type);
      case 'mission_completed':
      case 'mission_cancelled':
        return checkEnd(before, event.event_type);
      default:
        return;
    }
  }

  function notePlanning({ id }: Mission, event: AgentEvent): void {
    const { event_type: type } = event;
    if (type === 'plan_requested') planAsked.set(id, event.event_id);
    if (type !== 'plan_proposed' && type !== 'plan_failed') return;
    const asked = planAsked.get(id);
    planAsked.delete(id);
    // A plan that no model has made has no chat.
    if (asked === undefined || (type === 'plan_proposed' && event.payload.model === '')) return;
    plannerChats.set(asked, id);
  }

  /** What a mission requires of its workers reaches them with each task. */
  function checkRequirements({ id, request }: Mission, { payload }: EventOf<'task_assigned'>): void {
    const isFence = payload.only === 'fence';
    const lost = request.requires.find((name) => !payload.requires.includes(name) && !(isFence && name === SNAPSHOTS));
    if (lost !== undefined)
      throw new Violation('requirements-kept', `${place}: ${attemptKey(payload)} lacks ${lost} of ${id}`);
  }

  function checkWant(reason: string): void {
    if (reason.includes('this swarm does not have') && !reason.startsWith('the budget of'))
      throw new Violation('known-agents', `${place}: a mission fails: ${reason}`);
  }

  function checkWorkspace({ id, workspaceTaken }: Mission, { event_type }: AgentEvent): void {
    if (workspaceTaken !== null && (event_type === 'plan_requested' || event_type === 'plan_proposed'))
      throw new Violation('one-mission', `${place}: ${id} begins, and ${workspaceTaken}`);
  }

  /** Whatever the fold under test makes of it: the log says that it counts. */
  function checkPause({ id, pause, course }: Mission, { event_type, payload }: AgentEvent): void {
    if (pause === null || (course.kind !== 'working' && course.kind !== 'asking')) return;
    if (event_type === 'task_assigned' || event_type === 'wave_started' || event_type === 'plan_requested')
      throw new Violation('paused-begins-nothing', `${place}: ${event_type} of ${id}, which is paused`);
    if (event_type === 'task_cancelled' && payload.code === 'deadline')
      throw new Violation(
        'pause-stops-time',
        `${place}: ${payload.task_id} is ended by its deadline, and ${id} is paused`,
      );
  }

  function firstWord(key: string, eventId: string): void {
    if (firstWords.has(key)) throw new Violation('report-is-the-fold', `${place}: ${key} has two results that count`);
    firstWords.set(key, eventId);
  }

  /**
   * A decision that its own holder has made before: it decided before its last word was read back. What an earlier
   * holder decided too may come late, after a second copy of its claim has made it the holder in the log again.
   */
  function checkVoid(event: AgentEvent, holder: string | null): void {
    if (event.event_type !== 'task_assigned' || seenEvents.has(event.event_id) || ownerOfDecision(event) !== holder)
      return;
    const key = attemptKey(event.payload);
    if (assignedBy.get(key) === holder)
      throw new Violation('decided-once', `${place}: ${key} is assigned again by ${holder}`);
  }

  function checkFences({ index }: Mission, what: string): void {
    const [left] = index.fences.keys();
    if (left !== undefined)
      throw new Violation('fence-first', `${place}: ${what} is assigned, and an attempt of ${left} may still run`);
  }

  function checkWaves(mission: Mission, wave: number, what: string): void {
    for (const earlier of mission.waves) {
      if (earlier.status === 'replaced' || earlier.number >= wave) continue;
      const undone = earlier.taskIds.find((id) => {
        const task = mission.tasks.get(id);
        return task === undefined || !endedWell(task);
      });
      if (undone !== undefined)
        throw new Violation(
          'wave-order',
          `${place}: ${what} starts, and ${undone} of wave ${earlier.number} is ${mission.tasks.get(undone)?.status}`,
        );
    }
  }

  function checkEnd(mission: Mission, how: string): void {
    const open = [...mission.tasks.values()].filter(hasOpenAttempt);
    if (open.length > 0)
      throw new Violation(
        'ends-after-attempts',
        `${place}: ${how} of ${mission.id}, and ${open[0]?.id} is ${open[0]?.status}`,
      );
    const undone = [...mission.tasks.values()].find(
      (task) => !endedWell(task) && task.status !== 'replaced' && !isOfReplacedWave(mission, task.wave),
    );
    if (how === 'mission_completed' && undone !== undefined)
      throw new Violation('wave-order', `${place}: ${mission.id} completes, and ${undone.id} is ${undone.status}`);
  }

  function checkCommit({ offset, metadata }: CommittedOffset, isCarriedOut: (effect: Effect) => boolean): void {
    for (const mission of state.missions.values()) {
      if (mission.firstOffset >= offset) continue;
      if (isOpen(mission))
        throw new Violation(
          'replay-point',
          `${place}: ${offset} is committed, and mission ${mission.id} from ${mission.firstOffset} is open`,
        );
      const missing = [...mission.effects.values()].find((effect) => !isCarriedOut(effect));
      if (missing !== undefined)
        throw new Violation(
          'replay-point',
          `${place}: ${offset} is committed, and ${missing.event.event_type} from ${missing.offset} has not ` +
            'reached its partition',
        );
    }
    const expected = snapshots[offset];
    if (expected === undefined)
      throw new Violation('replay-point', `${place}: ${offset} is committed, and the log ends at ${records.length}`);
    const restored = restoreOrText(offset, metadata);
    const found = typeof restored === 'string' ? restored : { holder: restored.holder, epoch: restored.epoch };
    if (!isSame(found, expected))
      throw new Violation(
        'replay-state',
        `${place}: ${offset} is committed with ${sortedJson(found)}, and the fold has ${sortedJson(expected)}`,
      );
  }

  const restoreOrText = (offset: number, metadata: string): CoordinationState | string => {
    try {
      return restoreCoordination(partition, offset, metadata, (id) => parseMissionId(id)?.timeMs ?? null);
    } catch (error) {
      return String(error); // shown as what was committed
    }
  };

  function checkFolds(committed: CommittedOffset | null): void {
    const again = createCoordinationState(partition);
    foldAll(again, records);
    if (!isSame(again, state)) throw new Violation('folds-equal', `${place}: two folds from the beginning differ`);
    if (committed === null) return;
    const part = restoreOrText(committed.offset, committed.metadata);
    if (typeof part === 'string') throw new Violation('replay-state', part);
    foldAll(part, records.slice(committed.offset));
    for (const mission of part.missions.values()) {
      const whole = state.missions.get(mission.id);
      if (whole === undefined || !isSame(reportMission(mission), reportMission(whole)))
        throw new Violation(
          'report-is-the-fold',
          `${place}: the report of ${mission.id} folded from ${committed.offset} is another`,
        );
    }
    if (!isSame([part.holder, part.epoch], [state.holder, state.epoch]))
      throw new Violation('replay-state', `${place}: holder or epoch folded from ${committed.offset} are others`);
    if (!isSame(rounded(part.today), rounded(state.today)))
      throw new Violation(
        'replay-state',
        `${place}: from ${committed.offset} on ${sortedJson(part.today)} was spent, and not ${sortedJson(state.today)}`,
      );
  }

  return { partition, state, effects, plannerChats, onWritten, onPoison, checkCommit, checkFolds };
}

/** Sums of US dollars are binary fractions, and their order is another one. */
const rounded = ({ day, tokens, usd }: DaySpending) => ({ day, tokens, usd: usd.toFixed(6) });

/** The task that a deadline is about to end although a call of it waits for a person; null: none. */
function pausedBy(mission: Mission | undefined, event: AgentEvent): string | null {
  if (event.event_type !== 'task_cancelled' || event.payload.code !== 'deadline') return null;
  const { task_id } = event.payload;
  return mission?.tasks.get(task_id)?.status === 'paused' ? task_id : null;
}

function foldAll(state: CoordinationState, records: readonly (FoldRecord | null)[]): void {
  for (const record of records) {
    if (record === null) state.position += 1;
    else evolveCoordination(state, record);
  }
}

function isOfReplacedWave(mission: Mission, wave: number): boolean {
  return mission.waves.some(({ number, status }) => number === wave && status === 'replaced');
}

function checkName({ tasks }: Mission, { task_id, used_up_by, ...attempt }: PayloadOf<'task_assigned'>): void {
  const named = tasks.get(task_id)?.usedUpBy ?? null;
  if (used_up_by !== named)
    throw new Violation('begins-behind', `${attemptKey({ ...attempt, task_id })} names ${used_up_by}, not ${named}`);
}
