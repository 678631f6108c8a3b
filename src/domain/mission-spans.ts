/** The spans that a coordination partition tells: missions, their planners' chats, and the attempts of their tasks. */
import type { EventOf } from './events.js';
import type { Mission } from './mission-state.js';
import { attemptKey } from './partitioning.js';
import type { FoldRecord } from './record.js';
import {
  attemptAttributes,
  messagesText,
  missionAttributes,
  modelAttributes,
  usageAttributes,
} from './span-attributes.js';
import { placeAttributes, type RecordPlace, type Span, type SpanAttributes, type SpanEvent } from './spans.js';

interface Attempt {
  readonly assignment: EventOf<'task_assigned'>;
  readonly place: RecordPlace;
  /** ms since the epoch; null: not yet. */
  readonly acceptedMs: number | null;
  readonly startedMs: number | null;
}

/** What is open of one mission. Beside the fold, and only where traces are sent. */
interface MissionTrace {
  readonly caller: RecordPlace['caller'];
  planning: { readonly event: EventOf<'plan_requested'>; readonly place: RecordPlace } | null;
  /** By attemptKey. */
  readonly attempts: Map<string, Attempt>;
}

export type MissionTraces = Map<string, MissionTrace>;

export const createMissionTraces = (): MissionTraces => new Map();

/** The spans that end with a record that was applied; mission is as it is after the record. Changes traces in place. */
export function spansOfMission(
  traces: MissionTraces,
  mission: Mission,
  { event }: FoldRecord,
  place: RecordPlace,
): readonly Span[] {
  const trace = traceOf(traces, mission, place);
  switch (event.event_type) {
    case 'plan_requested':
      trace.planning = { event, place };
      return [];
    case 'plan_proposed':
    case 'plan_failed':
      return planned(trace, mission, event);
    case 'task_assigned':
      trace.attempts.set(attemptKey(event.payload), { assignment: event, place, acceptedMs: null, startedMs: null });
      return [];
    case 'task_accepted':
    case 'task_started':
      noteProgress(trace, event);
      return [];
    case 'task_completed':
    case 'task_failed':
    case 'task_cancelled':
      return ended(trace, mission, event);
    case 'mission_completed':
    case 'mission_failed':
    case 'mission_cancelled':
      traces.delete(mission.id);
      return [
        ...[...trace.attempts.values()].map((attempt) => attemptSpan(trace, attempt, mission, event)),
        missionSpan(trace, mission, event),
      ];
    default:
      return [];
  }
}

/** Its first record is its request, whose header has the caller's trace. */
function traceOf(traces: MissionTraces, { id }: Mission, { caller }: RecordPlace): MissionTrace {
  const known = traces.get(id);
  if (known !== undefined) return known;
  const trace: MissionTrace = { caller, planning: null, attempts: new Map() };
  traces.set(id, trace);
  return trace;
}

function noteProgress({ attempts }: MissionTrace, event: EventOf<'task_accepted' | 'task_started'>): void {
  const key = attemptKey(event.payload);
  const attempt = attempts.get(key);
  if (attempt === undefined) return;
  const atMs = event.timestamp;
  if (event.event_type === 'task_accepted') attempts.set(key, { ...attempt, acceptedMs: attempt.acceptedMs ?? atMs });
  else attempts.set(key, { ...attempt, startedMs: attempt.startedMs ?? atMs });
}

/** A plan of the mission's file, and one that was made without a model, have no chat. */
function planned(trace: MissionTrace, mission: Mission, event: EventOf<'plan_proposed' | 'plan_failed'>): Span[] {
  const { planning, caller } = trace;
  trace.planning = null;
  const model = event.event_type === 'plan_proposed' ? event.payload.model : null;
  if (planning === null || model === '') return [];
  const failure = event.event_type === 'plan_failed' ? event.payload.code : null;
  return [
    {
      seed: planning.event.event_id,
      parent: mission.requestId,
      missionId: mission.id,
      holds: mission.id,
      caller,
      name: model === null ? 'chat' : `chat ${model}`,
      kind: 'client',
      startMs: planning.event.timestamp,
      endMs: event.timestamp,
      attributes: {
        'gen_ai.operation.name': 'chat',
        ...(model === null ? {} : modelAttributes(model)),
        ...usageAttributes(event.payload),
        ...missionAttributes(mission.id),
        ...placeAttributes(planning.place),
        'ravenhelm.revision': event.payload.revision,
      },
      content: () =>
        event.event_type === 'plan_proposed' ? { 'gen_ai.output.messages': planText(event) } : failureText(event),
      error: failure === '' ? 'plan_failed' : failure,
    },
  ];
}

const planText = ({ payload: { plan } }: EventOf<'plan_proposed'>): string =>
  JSON.stringify([
    { role: 'assistant', parts: [{ type: 'text', content: JSON.stringify(plan) }], finish_reason: 'stop' },
  ]);

const failureText = ({ payload: { error } }: EventOf<'plan_failed'>): SpanAttributes => ({
  'exception.message': error,
});

type End = EventOf<
  'task_completed' | 'task_failed' | 'task_cancelled' | 'mission_completed' | 'mission_failed' | 'mission_cancelled'
>;

function ended(
  trace: MissionTrace,
  mission: Mission,
  event: EventOf<'task_completed' | 'task_failed' | 'task_cancelled'>,
): Span[] {
  const key = attemptKey(event.payload);
  const attempt = trace.attempts.get(key);
  trace.attempts.delete(key);
  return attempt === undefined ? [] : [attemptSpan(trace, attempt, mission, event)];
}

function attemptSpan({ caller }: MissionTrace, attempt: Attempt, { id, requestId }: Mission, end: End): Span {
  const { event_id, timestamp: startMs, payload: assignment } = attempt.assignment;
  return {
    seed: event_id,
    parent: requestId,
    missionId: id,
    holds: id,
    caller,
    name: `invoke_agent ${assignment.agent}`,
    kind: 'internal',
    startMs,
    endMs: Math.max(startMs, end.timestamp),
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      ...attemptAttributes(assignment, assignment),
      ...placeAttributes(attempt.place),
      'ravenhelm.task_kind': assignment.kind,
      'ravenhelm.playbook': assignment.playbook,
      'ravenhelm.retry_count': assignment.retry_count,
      'ravenhelm.queue_wait_ms': attempt.startedMs === null ? null : Math.max(0, attempt.startedMs - startMs),
      ...resultAttributes(end),
    },
    content: () => ({
      'gen_ai.input.messages': messagesText([{ role: 'user', content: assignment.description }]),
      ...resultContent(end),
    }),
    events: [eventAt('ravenhelm.accepted', attempt.acceptedMs), eventAt('ravenhelm.started', attempt.startedMs)].flat(),
    error: errorOf(end),
  };
}

const eventAt = (name: string, atMs: number | null): SpanEvent[] => (atMs === null ? [] : [{ name, atMs }]);

function resultAttributes(end: End): SpanAttributes {
  switch (end.event_type) {
    case 'task_completed':
    case 'task_failed':
      return {
        ...modelAttributes(end.payload.model),
        ...usageAttributes(end.payload),
        'ravenhelm.steps': end.payload.steps,
        'ravenhelm.result': end.event_type === 'task_completed' ? end.payload.result.status : 'failed',
      };
    default:
      return { 'ravenhelm.result': 'cancelled' };
  }
}

function resultContent(end: End): SpanAttributes {
  switch (end.event_type) {
    case 'task_completed': {
      const parts = [{ type: 'text', content: end.payload.result.summary }];
      return { 'gen_ai.output.messages': JSON.stringify([{ role: 'assistant', parts, finish_reason: 'stop' }]) };
    }
    case 'task_failed':
      return { 'exception.message': end.payload.error };
    case 'task_cancelled':
    case 'mission_failed':
    case 'mission_cancelled':
      return { 'exception.message': end.payload.reason };
    case 'mission_completed':
      return {};
  }
}

/** A code of the swarm, or the word for it. */
function errorOf(end: End): string | null {
  switch (end.event_type) {
    case 'task_completed':
    case 'mission_completed':
      return null;
    case 'task_failed':
      return end.payload.code === '' ? 'task_failed' : end.payload.code;
    case 'mission_failed':
      return end.payload.code ?? 'mission_failed';
    case 'task_cancelled':
    case 'mission_cancelled':
      return 'cancelled';
  }
}

function missionSpan(
  { caller }: MissionTrace,
  mission: Mission,
  end: EventOf<'mission_completed' | 'mission_failed' | 'mission_cancelled'>,
): Span {
  const { request, requestTimestamp: startMs } = mission;
  return {
    seed: mission.requestId,
    parent: null,
    missionId: mission.id,
    holds: mission.id,
    caller,
    name: `invoke_workflow ${request.name}`,
    kind: 'internal',
    startMs,
    endMs: Math.max(startMs, end.timestamp),
    attributes: {
      'gen_ai.operation.name': 'invoke_workflow',
      'gen_ai.workflow.name': request.name,
      ...missionAttributes(mission.id),
      'ravenhelm.mission_name': request.name,
      'ravenhelm.requested_by': request.requested_by,
      'ravenhelm.status': end.event_type.slice('mission_'.length),
      'ravenhelm.tasks': mission.tasks.size,
      'ravenhelm.waves': mission.waves.length,
      'ravenhelm.continues': request.continues?.mission_id,
      ...(end.event_type === 'mission_completed'
        ? {
            'ravenhelm.tasks_verified': end.payload.tasks_verified,
            'ravenhelm.tasks_unverified': end.payload.tasks_unverified,
            'ravenhelm.tokens': end.payload.tokens,
            'ravenhelm.cost_usd': end.payload.cost_usd,
          }
        : {}),
    },
    content: () => ({
      'gen_ai.input.messages': messagesText([{ role: 'user', content: request.brief }]),
      ...resultContent(end),
    }),
    error: errorOf(end),
  };
}
