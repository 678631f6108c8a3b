/**
 * The machine of one coordination partition. Decisions (those with an owner) count only when the holder wrote them;
 * plans and approvals carry the revision they answer; the first result of an attempt wins.
 */
import { addCost, NOTHING } from './budget.js';
import type { AgentEvent, PayloadOf } from './events.js';
import { parseMissionId } from './mission-id.js';
import { questionAnswered, questionAsked } from './mission-attention.js';
import { evolvePlanning } from './mission-planning.js';
import {
  hasOpenAttempt,
  type CoordinationState,
  type Effect,
  type Mission,
  type MissionTask,
  type Wave,
} from './mission-state.js';
import { evolveTask } from './mission-task.js';
import type { FoldRecord, Folded } from './record.js';

/** A request may be appended this long after the time in its id; later ones are refused (see requestedIds). */
export const REQUEST_WINDOW_MS = 10 * 60_000;

/**
 * The name of a log: what its first holder called it, and when the log took that. A topic that is made anew may be sent a
 * late second copy of the record that named the one before it; under the same name its decisions would be taken for old ones.
 */
const epochOf = (name: string, timestampMs: number): string => `${name}-${timestampMs.toString(36)}`;

/** Folds one record. */
export function evolveCoordination(state: CoordinationState, record: FoldRecord): Folded {
  state.position = record.offset + 1;
  state.timestampMs = Math.max(state.timestampMs, record.timestampMs);
  const { event } = record;
  switch (event.event_type) {
    case 'partition_opened':
      if (state.epoch !== null) return 'void: the log has a name';
      state.epoch = epochOf(event.payload.epoch, record.timestampMs);
      return 'applied';
    case 'partition_claimed':
      return claimed(state, record.offset, event.payload.owner);
    case 'mission_requested':
      return requested(state, record, event.payload);
    default:
      return evolveMission(state, record);
  }
}

/** A planner that a former holder called may have spent all that was reserved. The same claim, appended twice, changes no holder. */
function claimed(state: CoordinationState, offset: number, owner: string): Folded {
  const former = state.holder?.owner;
  state.holder = { owner, claimOffset: offset };
  if (former === owner) return 'applied';
  for (const mission of state.missions.values()) {
    if (mission.status === 'open' && mission.planning === 'requested') {
      put(state, { ...mission, planningSpent: addCost(mission.planningSpent, mission.planningReserved) });
    }
  }
  return 'applied';
}

function requested(state: CoordinationState, record: FoldRecord, request: PayloadOf<'mission_requested'>): Folded {
  const id = request.mission_id;
  const parts = parseMissionId(id);
  if (parts === null) return 'void: not a mission id';
  if (parts.partition !== state.partition) return 'void: the id names another partition';
  if (state.missions.has(id) || state.requestedIds.has(id)) return 'void: mission known';
  if (record.timestampMs > parts.timeMs + REQUEST_WINDOW_MS) return 'void: requested too late after the time in its id';
  state.requestedIds.set(id, parts.timeMs);
  put(state, {
    id,
    request,
    requestedAtMs: record.timestampMs,
    status: 'open',
    reason: null,
    endedAtMs: null,
    planning: 'none',
    revision: 0,
    proposal: null,
    planReason: null,
    planningError: null,
    rejections: 0,
    replans: 0,
    agentFailures: {},
    questions: 0,
    question: null,
    answer: null,
    cancelRequest: null,
    failing: null,
    tasks: new Map(),
    waves: [],
    planningUsage: NOTHING,
    planningSpent: NOTHING,
    planningReserved: NOTHING,
    effects: [],
    squadReady: false,
    firstOffset: record.offset,
    before: { holder: state.holder, epoch: state.epoch },
  });
  return 'applied';
}

function put(state: CoordinationState, mission: Mission): 'applied' {
  state.missions.set(mission.id, mission);
  return 'applied';
}

function evolveMission(state: CoordinationState, record: FoldRecord): Folded {
  const { event } = record;
  const id = missionIdOf(event);
  const mission = id === null ? undefined : state.missions.get(id);
  if (mission === undefined) return 'void: no such mission';
  if (mission.status !== 'open') return 'void: mission ended';
  const owner = ownerOfDecision(event);
  if (owner !== null && owner !== state.holder?.owner) return 'void: not the holder';
  const next = nextMission(mission, record);
  return typeof next === 'string' ? next : put(state, next);
}

/** The mission that an event is about; null for events that are about none. */
export function missionIdOf(event: AgentEvent): string | null {
  return 'mission_id' in event.payload ? event.payload.mission_id : null;
}

/** The owner under which an orchestrator decided; null for events that anyone may write (workers, planners, people). */
export function ownerOfDecision(event: AgentEvent): string | null {
  switch (event.event_type) {
    case 'plan_requested':
    case 'attention_requested':
    case 'wave_started':
    case 'wave_completed':
    case 'task_retry_scheduled':
    case 'task_assigned':
    case 'task_cancelled':
    case 'mission_completed':
    case 'mission_failed':
    case 'mission_cancelled':
      return event.payload.owner;
    default:
      return null;
  }
}

function nextMission(mission: Mission, record: FoldRecord): Mission | Folded {
  const { event } = record;
  switch (event.event_type) {
    case 'mission_cancel_requested':
      return {
        ...mission,
        cancelRequest: mission.cancelRequest ?? `cancelled by ${event.payload.requested_by}: ${event.payload.reason}`,
      };
    case 'plan_requested':
    case 'plan_proposed':
    case 'plan_failed':
    case 'plan_approved':
    case 'plan_rejected':
      return evolvePlanning(mission, event);
    case 'attention_requested':
      return questionAsked(mission, event.payload);
    case 'attention_answered':
      return questionAnswered(mission, event.payload);
    case 'wave_started':
      return setWave(mission, event.payload.wave_number, 'waiting', 'started');
    case 'wave_completed':
      return setWave(mission, event.payload.wave_number, 'started', 'completed');
    case 'squad_ready':
      return { ...mission, squadReady: true };
    case 'mission_completed':
      return { ...mission, status: 'completed', endedAtMs: record.timestampMs };
    case 'mission_failed':
      return { ...mission, status: 'failed', reason: event.payload.reason, endedAtMs: record.timestampMs };
    case 'mission_cancelled':
      return { ...mission, status: 'cancelled', reason: event.payload.reason, endedAtMs: record.timestampMs };
    case 'task_retry_scheduled':
    case 'task_assigned':
    case 'task_cancelled':
    case 'task_accepted':
    case 'task_started':
    case 'task_progress':
    case 'task_completed':
    case 'task_failed':
    case 'task_retry_requested':
      return taskOfMission(mission, { ...record, event });
    case 'model_failed_over':
      return mission; // Part of its story, and nothing of its state.
    default:
      return `void: ${event.event_type} does not belong in a coordination partition`;
  }
}

function setWave(mission: Mission, number: number, from: Wave['status'], to: Wave['status']): Mission | Folded {
  const current = mission.waves.find((wave) => wave.number === number && !wave.replaced);
  if (current?.status !== from) return `void: wave ${number} is not ${from}`;
  return { ...mission, waves: mission.waves.map((wave) => (wave === current ? { ...wave, status: to } : wave)) };
}

function taskOfMission(
  mission: Mission,
  record: FoldRecord & { readonly event: Parameters<typeof evolveTask>[1]['event'] },
): Mission | Folded {
  const { event } = record;
  const task = mission.tasks.get(event.payload.task_id);
  if (task === undefined) return 'void: no such task';
  if (event.event_type === 'task_retry_requested' && !isBeingDone(mission, task))
    return 'void: the task is not being done';
  const { agent } = task.plan;
  const failures = mission.agentFailures[agent] ?? 0;
  const next = evolveTask(task, record, { retries: mission.request.retries, agentFailures: failures });
  if (typeof next === 'string') return next;
  const agentFailures =
    next.failures > task.failures ? { ...mission.agentFailures, [agent]: failures + 1 } : mission.agentFailures;
  const tasks = new Map(mission.tasks).set(task.id, next);
  const isEffect = event.event_type === 'task_assigned' || event.event_type === 'task_cancelled';
  const effects = isEffect ? [...mission.effects, { offset: record.offset, event }] : mission.effects;
  const ends = event.event_type === 'task_cancelled' && event.payload.code === 'mission_ended';
  return {
    ...mission,
    tasks,
    agentFailures,
    effects,
    failing: mission.failing ?? (ends ? event.payload.reason : null),
  };
}

/** Whether a new attempt of the task would bring the mission on: not when it is about to end or asks a person, nor when the plan is or was changed. */
const isBeingDone = (mission: Mission, task: MissionTask): boolean =>
  mission.failing === null &&
  mission.cancelRequest === null &&
  mission.question === null &&
  mission.planning === 'approved' &&
  mission.waves.some((wave) => !wave.replaced && wave.taskIds.includes(task.id));

/** Attempts that are under way. */
export const openTasks = (mission: Mission): readonly MissionTask[] =>
  [...mission.tasks.values()].filter(hasOpenAttempt);

/** The assignment that a worker's event answers: whoever answers has it in the log of its partition. null for other events. */
export function answeredEffect(mission: Mission, event: AgentEvent): Effect | null {
  switch (event.event_type) {
    case 'task_accepted':
    case 'task_started':
    case 'task_completed':
    case 'task_failed': {
      const { task_id, attempt } = event.payload;
      return (
        mission.effects.find(
          (effect) =>
            effect.event.event_type === 'task_assigned' &&
            effect.event.payload.task_id === task_id &&
            effect.event.payload.attempt === attempt,
        ) ?? null
      );
    }
    default:
      return null;
  }
}
