/**
 * The machine of one coordination partition. Decisions (those with an owner) count only when the holder wrote them;
 * plans and approvals carry the revision they answer; the first result of an attempt wins.
 */
import { addCost, NOTHING, type Cost } from './budget.js';
import { NOTHING_SPENT, spendOn } from './daily-spending.js';
import type { AgentEvent, EventOf, PayloadOf } from './events.js';
import { parseMissionId } from './mission-id.js';
import { approvalVoid, callAnswered, callDecided } from './mission-approvals.js';
import { questionAnswered, questionAsked } from './mission-attention.js';
import { workspaceTaken } from './continuation.js';
import { copyOfMission } from './mission-copy.js';
import {
  missionAccepted,
  mustWait,
  noteRequestDecided,
  requestVoid,
  requestWaits,
  takeWaiting,
} from './mission-requests.js';
import { budgetChanged, budgetUsed, noteRunning, unusedBudget } from './budget-use.js';
import { spentBy } from './mission-budget.js';
import { againstPause, pauseRequested, resumeRequested } from './mission-pause.js';
import { missionWaits } from './mission-waits.js';
import { evolvePlanning } from './mission-planning.js';
import {
  asFailureCode,
  isEffect,
  isOpen,
  isUnderWay,
  type CoordinationState,
  type Effect,
  type Mission,
  type MissionFold,
  type Wave,
} from './mission-state.js';
import { onlyOf, type MissionTask } from './mission-task-state.js';
import { evolveTask, isUndelivered, type EvolvedTask, type MissionTaskEvent } from './mission-task.js';
import { createTaskIndex, putTask } from './mission-tasks.js';
import { NOTHING_MEASURED, noteMeasured, noteUnmeasured } from './planner-price.js';
import { APPLIED, voidBecause, type FoldRecord, type Folded } from './record.js';
import { REQUEST_WINDOW_MS, type LaterRequest } from './requests.js';

/**
 * The name of a log: what its first holder called it, and when the log took that. A recreated topic may receive a
 * late second copy of the record that named the one before it; under the same name its decisions would be taken for
 * old ones.
 */
const epochOf = (name: string, timestampMs: number): string => `${name}-${timestampMs.toString(36)}`;

/** Why a decision of another than the last claim's owner is void. */
export const NOT_THE_HOLDER = 'not the holder';

/** Folds one record. */
export function evolveCoordination(state: CoordinationState, record: FoldRecord): Folded {
  state.position = record.offset + 1;
  state.timestampMs = Math.max(state.timestampMs, record.timestampMs);
  const { event } = record;
  switch (event.event_type) {
    case 'partition_opened':
      if (state.epoch !== null) return voidBecause('the log has a name');
      state.epoch = epochOf(event.payload.epoch, record.timestampMs);
      return APPLIED;
    case 'partition_claimed':
      return claimed(state, record.offset, event.payload.owner);
    case 'mission_requested':
      return requested(state, record, event);
    default:
      return evolveMission(state, record);
  }
}

/**
 * A planner that a former holder called may have spent all that was reserved. The same claim, appended twice, changes
 * no holder.
 */
function claimed(state: CoordinationState, offset: number, owner: string): Folded {
  const former = state.holder?.owner;
  state.holder = { owner, claimOffset: offset };
  if (former === owner) return APPLIED;
  for (const mission of state.missions.values()) {
    if (!isOpen(mission) || mission.planning.kind !== 'requested') continue;
    const before = spentBy(mission);
    mission.planningSpent = addCost(mission.planningSpent, mission.planning.reserved);
    if (mission.planning.reserved.tokens > 0) noteUnmeasured(mission);
    noteSpent(state, mission, before);
  }
  return APPLIED;
}

function requested(
  state: CoordinationState,
  record: FoldRecord,
  { event_id: requestId, timestamp: requestTimestamp, payload: request }: EventOf<'mission_requested'>,
): Folded {
  const id = request.mission_id;
  const parts = parseMissionId(id);
  if (parts === null) return voidBecause('not a mission id');
  if (parts.partition !== state.partition) return voidBecause('the id names another partition');
  if (state.missions.has(id) || state.requestedIds.has(id)) return voidBecause('mission known');
  if (record.timestampMs > parts.timeMs + REQUEST_WINDOW_MS)
    return voidBecause('requested too late after the time in its id');
  const taken = workspaceTaken(state, request);
  noteContinued(state, request);
  state.requestedIds.set(id, parts.timeMs);
  state.missions.set(id, {
    id,
    request,
    requestedAtMs: record.timestampMs,
    course: { kind: 'working' },
    planning: { kind: 'none' },
    ...unusedBudget(request, record.timestampMs),
    pause: null,
    pauses: 0,
    waitsFor: null,
    today: NOTHING_SPENT,
    plannerWait: null,
    revision: 0,
    rejections: 0,
    replans: 0,
    agentFailures: new Map(),
    questions: 0,
    answer: null,
    tasks: new Map(),
    index: createTaskIndex(),
    waves: [],
    nextWave: 0,
    ...{ planningUsage: NOTHING, planningSpent: NOTHING, measured: NOTHING_MEASURED, atPlannerPrice: null },
    answers: new Map(),
    requestId,
    requestTimestamp,
    admission: 'none',
    guarded: request.signed !== null,
    signer: null,
    waitingRequests: new Map(),
    decidedRequests: new Map(),
    voidRequests: [],
    effects: new Map(),
    squadReady: false,
    ...{ snapshots: new Map(), missedSnapshots: new Map() },
    workspaceTaken: taken,
    continuedBy: [],
    firstOffset: record.offset,
    endedAt: null,
    before: { holder: state.holder, epoch: state.epoch },
  });
  return APPLIED;
}

function noteContinued(state: CoordinationState, { mission_id, continues }: PayloadOf<'mission_requested'>): void {
  const before = state.missions.get(continues?.mission_id ?? '');
  if (before !== undefined) before.continuedBy = [...before.continuedBy, mission_id];
}

function evolveMission(state: CoordinationState, record: FoldRecord): Folded {
  const { event } = record;
  const id = missionIdOf(event);
  const mission = id === null ? undefined : state.missions.get(id);
  if (mission === undefined) return voidBecause('no such mission');
  if (!isOpen(mission)) return voidBecause('mission ended');
  const owner = ownerOfDecision(event);
  if (owner !== null && owner !== state.holder?.owner) return voidBecause(NOT_THE_HOLDER);
  if (mission.guarded && isPlannersWord(event) && event.payload.owner !== state.holder?.owner)
    return voidBecause('the planner of another than the holder');
  const against = againstPause(mission, event);
  if (against !== null) return voidBecause(against);
  const before = spentBy(mission);
  const folded = applyTo(mission, record);
  noteSpent(state, mission, before);
  noteRunning(mission, record.timestampMs);
  if (folded.kind === 'applied' && owner !== null) noteDecided(mission, event);
  return folded;
}

/** Its holder asks planners, in its process: of a guarded mission no other process's answer counts. */
const isPlannersWord = (event: AgentEvent): event is EventOf<'plan_proposed' | 'plan_failed'> =>
  event.event_type === 'plan_proposed' || event.event_type === 'plan_failed';

function noteSpent(state: CoordinationState, mission: MissionFold, before: Cost): void {
  const now = spentBy(mission);
  const cost = { tokens: now.tokens - before.tokens, usd: now.usd - before.usd };
  if (cost.tokens <= 0 && cost.usd <= 0) return;
  mission.today = spendOn(mission.today, state.timestampMs, cost);
  state.today = spendOn(state.today, state.timestampMs, cost);
}

/** Its holder has acted for it. A refusal is no act: what it refuses is refused again by the next holder. */
function noteDecided(mission: MissionFold, { event_type }: AgentEvent): void {
  if (mission.admission === 'none' && event_type !== 'request_void') mission.admission = 'decided';
}

/** The mission that an event is about; null for events that are about none. */
export function missionIdOf(event: AgentEvent): string | null {
  return 'mission_id' in event.payload ? event.payload.mission_id : null;
}

/** The owner under which an orchestrator decided; null for events that others may write (workers, planners, people). */
export function ownerOfDecision(event: AgentEvent): string | null {
  switch (event.event_type) {
    case 'plan_requested':
    case 'attention_requested':
    case 'wave_started':
    case 'wave_completed':
    case 'mission_waits':
    case 'budget_used':
    case 'task_retry_scheduled':
    case 'task_assigned':
    case 'task_cancelled':
    case 'task_suspended':
    case 'call_decided':
    case 'approval_void':
    case 'request_accepted':
    case 'request_void':
    case 'mission_completed':
    case 'mission_failed':
    case 'mission_cancelled':
      return event.payload.owner;
    default:
      return null;
  }
}

function applyTo(mission: MissionFold, record: FoldRecord): Folded {
  const { event, timestampMs: atMs } = record;
  if (mustWait(mission, event)) return requestWaits(mission, event, atMs);
  switch (event.event_type) {
    case 'request_accepted':
      return requestAccepted(mission, event.payload, record);
    case 'request_void':
      return requestVoid(mission, event.payload, atMs);
    default:
      return applyEvent(mission, record);
  }
}

/** What is accepted counts as it would have counted when it came, where it has not lost its meaning since. */
function requestAccepted(
  mission: MissionFold,
  accepted: PayloadOf<'request_accepted'>,
  { offset }: FoldRecord,
): Folded {
  if (accepted.request_type === 'mission_requested') return missionAccepted(mission, accepted);
  const waiting = takeWaiting(mission, accepted, accepted);
  if (waiting === null) return voidBecause('no such request waits');
  noteRequestDecided(mission, waiting);
  applyEvent(mission, { offset, timestampMs: waiting.atMs, event: waiting.event });
  return APPLIED;
}

/**
 * What a person's request would come to. Changes nothing. There can be one about each task, which must not cost a copy
 * of them all; of the others a mission has few.
 */
export function effectOf(mission: Mission, event: LaterRequest, timestampMs: number): Folded {
  const at = { offset: mission.firstOffset, timestampMs };
  if (event.event_type !== 'task_retry_requested') return applyEvent(copyOfMission(mission), { ...at, event });
  const evolved = evolvedTask(mission, { ...at, event });
  return evolved.kind === 'void' ? evolved : APPLIED;
}

function snapshotNews(mission: MissionFold, event: EventOf<'snapshot_taken' | 'snapshot_missed'>): Folded {
  const { wave_number: wave } = event.payload;
  if (event.event_type === 'snapshot_missed') {
    mission.missedSnapshots.set(wave, event.payload);
    return APPLIED;
  }
  const { payload } = event;
  const known = mission.snapshots.get(wave);
  mission.missedSnapshots.delete(wave);
  if (known === undefined || countsMore(payload, known)) mission.snapshots.set(wave, payload);
  return APPLIED;
}

/** The settled one of a wave counts; of the others the one that began last. Workers may send theirs in any order. */
function countsMore(payload: PayloadOf<'snapshot_taken'>, known: PayloadOf<'snapshot_taken'>): boolean {
  if (payload.settled !== known.settled) return payload.settled;
  return nanosecondsOf(payload.begun_ns) >= nanosecondsOf(known.begun_ns);
}

/** What another program has written may be no number. */
const nanosecondsOf = (text: string | null): bigint => (/^\d{1,20}$/.test(text ?? '') ? BigInt(text ?? 0) : 0n);

type Noted = EventOf<'mission_waits' | 'budget_used' | 'squad_ready'>;

function noted(mission: MissionFold, event: Noted, atMs: number): Folded {
  switch (event.event_type) {
    case 'mission_waits':
      return missionWaits(mission, event.payload);
    case 'budget_used':
      return budgetUsed(mission, event.payload, atMs);
    case 'squad_ready':
      mission.squadReady = true;
      return APPLIED;
  }
}

function applyEvent(mission: MissionFold, record: FoldRecord): Folded {
  const { event, timestampMs: atMs } = record;
  switch (event.event_type) {
    case 'mission_cancel_requested':
      return cancelRequested(mission, event.payload);
    case 'mission_pause_requested':
    case 'mission_resume_requested':
    case 'mission_budget_requested':
      return steered(mission, event, atMs);
    case 'plan_requested':
    case 'plan_proposed':
    case 'plan_failed':
    case 'plan_approved':
    case 'plan_rejected':
      return evolvePlanning(mission, event);
    case 'mission_waits':
    case 'budget_used':
    case 'squad_ready':
      return noted(mission, event, atMs);
    case 'attention_requested':
      return questionAsked(mission, event.payload);
    case 'attention_answered':
      return questionAnswered(mission, event.payload);
    case 'wave_started':
      return setWave(mission, event.payload.wave_number, 'waiting', 'started');
    case 'wave_completed':
      return setWave(mission, event.payload.wave_number, 'started', 'completed');
    case 'mission_completed':
    case 'mission_failed':
    case 'mission_cancelled':
      mission.endedAt = record.offset;
      return ended(mission, event, atMs);
    case 'task_retry_scheduled':
    case 'task_assigned':
    case 'task_cancelled':
    case 'task_suspended':
    case 'task_accepted':
    case 'task_started':
    case 'task_progress':
    case 'task_paused':
    case 'task_resumed':
    case 'task_completed':
    case 'task_failed':
    case 'task_retry_requested':
      return taskOfMission(mission, { ...record, event });
    case 'call_answered':
      return callAnswered(mission, event, record);
    case 'call_decided':
      return callDecided(mission, event, record.offset);
    case 'approval_void':
      return approvalVoid(mission, event.payload);
    case 'snapshot_taken':
    case 'snapshot_missed':
      return snapshotNews(mission, event);
    case 'model_failed_over':
      return APPLIED; // Part of its story, and nothing of its state.
    default:
      return voidBecause(`${event.event_type} does not belong in a coordination partition`);
  }
}

type Steering = EventOf<'mission_pause_requested' | 'mission_resume_requested' | 'mission_budget_requested'>;

function steered(mission: MissionFold, event: Steering, atMs: number): Folded {
  switch (event.event_type) {
    case 'mission_pause_requested':
      return pauseRequested(mission, event.payload, atMs);
    case 'mission_resume_requested':
      return resumeRequested(mission, event.payload);
    case 'mission_budget_requested':
      return budgetChanged(mission, event.payload, atMs);
  }
}

type End = EventOf<'mission_completed' | 'mission_failed' | 'mission_cancelled'>;

function ended(mission: MissionFold, event: End, atMs: number): Folded {
  mission.atPlannerPrice = event.payload.at_planner_price;
  switch (event.event_type) {
    case 'mission_completed':
      return follow(mission, { kind: 'completed', atMs });
    case 'mission_failed': {
      const { reason, code } = event.payload;
      return follow(mission, { kind: 'failed', reason, code: asFailureCode(code), atMs });
    }
    case 'mission_cancelled':
      return follow(mission, { kind: 'cancelled', reason: event.payload.reason, atMs });
  }
}

function follow(mission: MissionFold, course: Mission['course']): Folded {
  mission.course = course;
  return APPLIED;
}

/** A person's first word counts, also for a mission that is about to fail. */
function cancelRequested(
  mission: MissionFold,
  { requested_by, reason }: PayloadOf<'mission_cancel_requested'>,
): Folded {
  if (mission.course.kind === 'cancelling') return APPLIED;
  return follow(mission, { kind: 'cancelling', reason: `cancelled by ${requested_by}: ${reason}` });
}

function setWave(mission: MissionFold, number: number, from: Wave['status'], to: Wave['status']): Folded {
  const wave = findWave(mission, number);
  if (wave?.status !== from) return voidBecause(`wave ${number} is not ${from}`);
  wave.status = to;
  while (mission.waves[mission.nextWave]?.status === 'completed') mission.nextWave += 1;
  return APPLIED;
}

/** The numbers of the waves rise: halving finds one among many. */
function findWave<W extends Wave>({ waves }: { readonly waves: readonly W[] }, number: number): W | null {
  let [from, to] = [0, waves.length];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    const wave = waves[middle];
    if (wave === undefined || wave.number === number) return wave ?? null;
    if (wave.number < number) from = middle + 1;
    else to = middle;
  }
  return null;
}

type TaskRecord = FoldRecord & { readonly event: MissionTaskEvent };

/** The task of the event after it. Changes nothing. */
function evolvedTask(mission: Mission, record: TaskRecord): EvolvedTask {
  const { event } = record;
  const before = mission.tasks.get(event.payload.task_id);
  if (before === undefined) return voidBecause('no such task');
  if (event.event_type === 'task_retry_requested' && !isBeingDone(mission, before))
    return voidBecause('the task is not being done');
  const agentFailures = mission.agentFailures.get(before.plan.agent) ?? 0;
  return evolveTask(before, record, { retries: mission.request.retries, agentFailures });
}

function taskOfMission(mission: MissionFold, record: TaskRecord): Folded {
  const { event, offset } = record;
  const before = mission.tasks.get(event.payload.task_id);
  const evolved = evolvedTask(mission, record);
  if (evolved.kind === 'void') return evolved;
  const { failures, plan } = evolved.task;
  putTask(mission, evolved.task);
  noteUse(mission, before, event);
  const isAgents = event.event_type !== 'task_failed' || !isUndelivered(event.payload);
  if (failures > (before?.failures ?? 0) && isAgents)
    mission.agentFailures.set(plan.agent, (mission.agentFailures.get(plan.agent) ?? 0) + 1);
  if (isEffect(event)) mission.effects.set(offset, { offset, event });
  if (event.event_type === 'task_cancelled' && event.payload.code === 'mission_ended')
    beginToFail(mission, event.payload);
  return APPLIED;
}

/** An attempt that was cancelled before a worker began it has used nothing. */
function noteUse(mission: MissionFold, before: MissionTask | undefined, event: MissionTaskEvent): void {
  if (event.event_type === 'task_completed' || event.event_type === 'task_failed')
    return noteMeasured(mission, event.payload);
  const hasBegun = before?.status === 'running' || before?.status === 'paused';
  // Checks and fences ask no model.
  if (event.event_type === 'task_cancelled' && hasBegun && before.kind === 'task' && onlyOf(before) === null)
    noteUnmeasured(mission);
}

/** Said by the cancels of its open attempts, so that a new holder ends the mission, too. */
function beginToFail(mission: MissionFold, { reason, mission_code: code }: PayloadOf<'task_cancelled'>): void {
  if (isUnderWay(mission)) mission.course = { kind: 'failing', reason, code: asFailureCode(code) };
}

/**
 * Whether a new attempt of the task would bring the mission on: not when it is about to end or asks a person, nor when
 * the plan is or was changed.
 */
const isBeingDone = (mission: Mission, task: MissionTask): boolean =>
  mission.course.kind === 'working' &&
  mission.planning.kind === 'approved' &&
  findWave(mission, task.wave)?.status !== 'replaced';

/**
 * The assignment that a worker's event answers: its writer has it in the log of its partition. null for other events.
 */
export function answeredEffect(mission: Mission, event: AgentEvent): Effect | null {
  switch (event.event_type) {
    case 'task_accepted':
    case 'task_started':
    case 'task_completed':
    case 'task_failed': {
      const task = mission.tasks.get(event.payload.task_id);
      if (task === undefined || task.assignedAt === null || task.attempt !== event.payload.attempt) return null;
      return mission.effects.get(task.assignedAt) ?? null;
    }
    default:
      return null;
  }
}
