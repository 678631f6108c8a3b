/** Replay point of a coordination partition: where its next holder must start to fold, and with what. */
import { REQUEST_WINDOW_MS } from './requests.js';
import {
  createCoordinationState,
  type CoordinationSnapshot,
  type CoordinationState,
  type Effect,
  isOpen,
  type Mission,
} from './mission-state.js';
import { forgetUses, noteForgotten } from './continuation.js';
import { NOTHING_SPENT, togetherOn, type DaySpending } from './daily-spending.js';
import { createTaskIndex } from './mission-tasks.js';
import { DataLoss, METADATA_LIMIT_BYTES, type ReplayPoint } from './record.js';
import { asciiJson, decodeHolder, parseObject } from './task-replay.js';

/**
 * The first record of the oldest mission that is open, or has an effect that was not acknowledged, or of whose trace a
 * part was not sent (isTraced), else the position.
 * The metadata also holds the ids requested before that point within the request window, so that a late duplicate
 * of a request starts nothing. Where they do not all fit, the replay starts at the first mission whose id would not:
 * it goes further back, within the window. null when not even the holder's name fits: then it waits.
 */
export function coordinationReplayPoint(
  state: CoordinationState,
  isAcknowledged: (effect: Effect) => boolean,
  isTraced: (missionId: string) => boolean = () => true,
): ReplayPoint | null {
  const isDone = (mission: Mission): boolean => isSettled(mission, isAcknowledged) && isTraced(mission.id);
  let start = firstNeeded(state, isDone);
  const ids = idsRequestedBefore(state, start.offset);
  for (let fitting = ids.length; ; ) {
    const spent = spentBefore(state, start.offset);
    const metadata = encodeSnapshot(start.snapshot, spent, ids.slice(0, fitting));
    const excess = metadata.length - METADATA_LIMIT_BYTES;
    if (excess <= 0) return { offset: start.offset, metadata };
    fitting -= Math.ceil(excess / ENCODED_ID_BYTES);
    const mission = state.missions.get(ids[fitting] ?? '');
    if (mission === undefined) return null;
    start = { offset: mission.firstOffset, snapshot: mission.before };
  }
}

/** A mission id with its quotes and its comma; one of a partition above 99 is longer. */
const ENCODED_ID_BYTES = 30;

interface Start {
  readonly offset: number;
  readonly snapshot: CoordinationSnapshot;
}

function firstNeeded(state: CoordinationState, isDone: (mission: Mission) => boolean): Start {
  for (const mission of state.missions.values()) {
    if (!isDone(mission)) return { offset: mission.firstOffset, snapshot: mission.before };
  }
  return { offset: state.position, snapshot: { holder: state.holder, epoch: state.epoch } };
}

function isSettled(mission: Mission, isAcknowledged: (effect: Effect) => boolean): boolean {
  return !isOpen(mission) && allAcknowledged(mission, isAcknowledged);
}

function allAcknowledged({ effects }: Mission, isAcknowledged: (effect: Effect) => boolean): boolean {
  for (const effect of effects.values()) if (!isAcknowledged(effect)) return false;
  return true;
}

/** Of the missions that a replay from this offset does not meet. They have ended: nothing comes to it any more. */
function spentBefore(state: CoordinationState, offset: number): DaySpending {
  let spent = state.forgottenToday;
  for (const { firstOffset, today } of state.missions.values())
    if (firstOffset < offset) spent = togetherOn(spent, today);
  return spent;
}

function idsRequestedBefore(state: CoordinationState, offset: number): string[] {
  const ids: string[] = [];
  for (const [id, timeMs] of state.requestedIds) {
    const mission = state.missions.get(id);
    const before = mission === undefined || mission.firstOffset < offset;
    if (before && timeMs + REQUEST_WINDOW_MS >= state.timestampMs) ids.push(id);
  }
  return ids;
}

/** Forgets missions and ids that no replay from this offset will meet. Returns the missions. */
export function forgetEnded(
  state: CoordinationState,
  replayOffset: number,
  isAcknowledged: (effect: Effect) => boolean,
  isTraced: (missionId: string) => boolean = () => true,
): readonly Mission[] {
  const forgotten: Mission[] = [];
  for (const mission of state.missions.values()) {
    if (mission.firstOffset < replayOffset && isSettled(mission, isAcknowledged) && isTraced(mission.id)) {
      state.missions.delete(mission.id);
      noteForgotten(state, mission);
      state.forgottenToday = togetherOn(state.forgottenToday, mission.today);
      forgotten.push(mission);
    }
  }
  forgetUses(state);
  for (const [id, timeMs] of state.requestedIds) {
    if (timeMs + REQUEST_WINDOW_MS < state.timestampMs && !state.missions.has(id)) state.requestedIds.delete(id);
  }
  return forgotten;
}

/** An effect that was acknowledged is asked for no more, while its mission holds the replay point back. */
export function forgetEffect(state: CoordinationState, { offset, event }: Effect): void {
  state.missions.get(event.payload.mission_id)?.effects.delete(offset);
}

/**
 * Forgets the plan and the tasks of a mission that has ended and is kept only because it, or an older one, holds the
 * replay point back. What keeps it from beginning again stays.
 */
export function forgetWork(state: CoordinationState, missionId: string): void {
  const mission = state.missions.get(missionId);
  if (mission === undefined || isOpen(mission)) return;
  state.missions.set(missionId, {
    ...mission,
    request: { ...mission.request, brief: '', plan: null, success: [], continues: null },
    planning: { kind: 'none' },
    answers: new Map(),
    waitingRequests: new Map(),
    decidedRequests: new Map(),
    tasks: new Map(),
    index: createTaskIndex(),
    waves: [],
    nextWave: 0,
  });
}

function encodeSnapshot(
  { holder, epoch }: CoordinationSnapshot,
  { day, tokens, usd }: DaySpending,
  ids: readonly string[],
): string {
  return asciiJson({
    v: 1,
    h: holder === null ? null : [holder.owner, holder.claimOffset],
    e: epoch,
    ...(day === '' ? {} : { d: [day, tokens, usd] }),
    ids,
  });
}

/**
 * The state with which a replay starts.
 * @param timeOfId the time in a mission id, ms since the epoch; null when it is none
 * @throws DataLoss when the metadata is not what coordinationReplayPoint writes
 */
export function restoreCoordination(
  partition: number,
  offset: number,
  metadata: string,
  timeOfId: (id: string) => number | null,
): CoordinationState {
  const { v, h, e, d, ids } = parseObject(metadata);
  if (v !== 1 || !(e === null || typeof e === 'string') || !Array.isArray(ids)) {
    throw new DataLoss(`the committed metadata is not a coordination fold: ${metadata.slice(0, 80)}`);
  }
  const state = createCoordinationState(
    partition,
    offset,
    { holder: decodeHolder(h, metadata), epoch: e },
    decodeSpending(d),
  );
  for (const id of ids) {
    const timeMs = typeof id === 'string' ? timeOfId(id) : null;
    if (timeMs === null) throw new DataLoss(`the committed metadata names a mission that is none: ${String(id)}`);
    state.requestedIds.set(String(id), timeMs);
  }
  return state;
}

/** Absent in what older builds have committed. */
function decodeSpending(value: unknown): DaySpending {
  const [day, tokens, usd]: readonly unknown[] = Array.isArray(value) ? value : [];
  return typeof day === 'string' && typeof tokens === 'number' && typeof usd === 'number'
    ? { day, tokens, usd }
    : NOTHING_SPENT;
}
