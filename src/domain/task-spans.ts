/** The spans that a tasks partition tells: of each attempt its chats with a model, its tool calls and its checks. */
import { PLAYBOOK_MODEL } from './agent-spec.js';
import type { EventOf, PayloadOf } from './events.js';
import { attemptKey } from './partitioning.js';
import type { FoldRecord } from './record.js';
import { attemptAttributes, modelAttributes, outputMessages, usageAttributes } from './span-attributes.js';
import { placeAttributes, type RecordPlace, type Span, type SpanAttributes } from './spans.js';

interface Attempt {
  readonly assignment: EventOf<'task_assigned'>;
  readonly caller: RecordPlace['caller'];
  /** The step that has no outcome yet, and where the log has it. */
  readonly call: { readonly event: EventOf<'tool_called'>; readonly place: RecordPlace } | null;
}

/** Open attempts by attemptKey. Beside the fold, and only where traces are sent. */
export type TaskTrace = Map<string, Attempt>;

export const createTaskTrace = (): TaskTrace => new Map();

/** The spans that end with a record that was applied. Changes the trace in place. */
export function spansOfTask(trace: TaskTrace, { event }: FoldRecord, place: RecordPlace): readonly Span[] {
  switch (event.event_type) {
    case 'task_assigned':
      trace.set(attemptKey(event.payload), { assignment: event, caller: place.caller, call: null });
      return [];
    case 'call_proposed':
      return chat(trace, event, place);
    case 'tool_called': {
      const attempt = trace.get(attemptKey(event.payload));
      if (attempt === undefined) return [];
      trace.set(attemptKey(event.payload), { ...attempt, call: { event, place } });
      // What a person approved, a model had said when it was proposed.
      return event.payload.approval_id === null ? chat(trace, event, place) : [];
    }
    case 'tool_returned':
      return returned(trace, event);
    case 'task_completed':
    case 'task_failed':
    case 'task_cancelled':
      trace.delete(attemptKey(event.payload));
      return [];
    default:
      return [];
  }
}

/** A playbook's step has no chat. */
function chat(trace: TaskTrace, event: EventOf<'tool_called' | 'call_proposed'>, place: RecordPlace): Span[] {
  const attempt = trace.get(attemptKey(event.payload));
  const { started_at: startMs, model_ms: durationMs } = event.payload;
  if (attempt === undefined || startMs === null || durationMs === null) return [];
  if (event.payload.model === PLAYBOOK_MODEL) return [];
  const { payload } = event;
  const { assignment, caller } = attempt;
  return [
    {
      seed: `${event.event_id} chat`,
      parent: assignment.event_id,
      missionId: payload.mission_id,
      holds: attemptKey(payload),
      caller,
      name: `chat ${payload.model}`,
      kind: 'client',
      startMs,
      endMs: startMs + durationMs,
      attributes: {
        'gen_ai.operation.name': 'chat',
        ...modelAttributes(payload.model),
        ...usageAttributes(payload),
        ...stepAttributes(assignment, payload),
        ...placeAttributes(place),
        'ravenhelm.chain_index': payload.chain_index,
        'ravenhelm.refused_replies': payload.refusals.length,
        'ravenhelm.repairs': payload.repairs,
      },
      content: {
        'gen_ai.output.messages': outputMessages(payload.thought, { ...payload, id: event.event_id }),
      },
      events:
        payload.first_token_ms === null
          ? []
          : [{ name: 'ravenhelm.first_token', atMs: startMs + payload.first_token_ms }],
      error: null,
    },
  ];
}

const stepAttributes = (
  { payload: assignment }: EventOf<'task_assigned'>,
  by: { mission_id: string; task_id: string; attempt: number; step: number },
): SpanAttributes => ({ ...attemptAttributes(by, assignment), 'ravenhelm.step': by.step });

function returned(trace: TaskTrace, event: EventOf<'tool_returned'>): Span[] {
  const attempt = trace.get(attemptKey(event.payload));
  if (attempt?.call?.event.payload.step !== event.payload.step) return [];
  const { call } = attempt;
  trace.set(attemptKey(event.payload), { ...attempt, call: null });
  return [toolSpan(attempt, call, event), ...checkSpans(attempt, call.event, event)];
}

function toolSpan(
  { assignment, caller }: Attempt,
  { event: { event_id, timestamp: calledMs, payload: call }, place }: NonNullable<Attempt['call']>,
  { timestamp: endMs, payload: outcome }: EventOf<'tool_returned'>,
): Span {
  const ranMs = Math.max(calledMs, endMs - outcome.duration_ms);
  return {
    seed: event_id,
    parent: assignment.event_id,
    missionId: call.mission_id,
    holds: attemptKey(call),
    caller,
    name: `execute_tool ${call.tool}`,
    kind: 'internal',
    startMs: calledMs,
    endMs: Math.max(calledMs, endMs),
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': call.tool,
      'gen_ai.tool.type': 'function',
      'gen_ai.tool.call.id': event_id,
      ...stepAttributes(assignment, call),
      ...placeAttributes(place),
      'ravenhelm.outcome': outcome.outcome,
      'ravenhelm.exit_code': outcome.exit_code,
      'ravenhelm.limit': outcome.limit,
      'ravenhelm.duration_ms': outcome.duration_ms,
      'ravenhelm.append_to_read_back_ms': ranMs - calledMs,
      'ravenhelm.decision': call.decision,
      'ravenhelm.rule': call.rule,
      'ravenhelm.approval_id': call.approval_id,
      'ravenhelm.approved_by': call.approved_by,
    },
    content: { 'gen_ai.tool.call.arguments': call.arguments, 'gen_ai.tool.call.result': outcome.observation },
    // The call runs only when it has been read back.
    events: [{ name: 'ravenhelm.read_back', atMs: ranMs }],
    error: outcome.outcome === 'ok' ? null : outcome.outcome,
  };
}

/** They ran one after the other, and the last one ended with the step. */
function checkSpans(
  attempt: Attempt,
  { event_id, payload: call }: EventOf<'tool_called'>,
  { timestamp, payload: { checks } }: EventOf<'tool_returned'>,
): Span[] {
  let endMs = timestamp;
  return [...(checks ?? [])]
    .map((check, index) => ({ check, index }))
    .reverse()
    .map(({ check, index }) => {
      const span = checkSpan(attempt, call, { check, seed: `${event_id} check ${index}`, endMs });
      endMs = span.startMs;
      return span;
    })
    .reverse();
}

type Check = NonNullable<PayloadOf<'tool_returned'>['checks']>[number];

function checkSpan(
  { assignment, caller }: Attempt,
  call: PayloadOf<'tool_called'>,
  { check, seed, endMs }: { readonly check: Check; readonly seed: string; readonly endMs: number },
): Span {
  return {
    seed,
    parent: assignment.event_id,
    missionId: call.mission_id,
    holds: attemptKey(call),
    caller,
    name: `check ${check.name}`,
    kind: 'internal',
    startMs: endMs - check.duration_ms,
    endMs,
    attributes: {
      'gen_ai.operation.name': 'check',
      ...stepAttributes(assignment, call),
      'ravenhelm.check': check.name,
      'ravenhelm.exit_code': check.exit_code,
      'ravenhelm.baseline': check.baseline,
    },
    content: { 'ravenhelm.command': check.command, 'ravenhelm.output': check.output },
    error: check.exit_code === 0 ? null : 'check_failed',
  };
}
