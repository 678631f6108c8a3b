/** The spans that a tasks partition tells: of each attempt its chats with a model, its tool calls and its checks. */
import { PLAYBOOK_MODEL } from './agent-spec.js';
import type { AttemptPrompts, PromptsOf } from './attempt-prompts.js';
import type { PromptReport } from './attempt-report.js';
import type { EventOf, PayloadOf } from './events.js';
import { attemptKey } from './partitioning.js';
import type { FoldRecord } from './record.js';
import {
  attemptAttributes,
  messagesText,
  modelAttributes,
  outputMessages,
  usageAttributes,
} from './span-attributes.js';
import { placeAttributes, type RecordPlace, type Span, type SpanAttributes } from './spans.js';

interface Attempt {
  readonly assignmentId: string;
  readonly attributes: SpanAttributes;
  readonly caller: RecordPlace['caller'];
  /** null: they are not asked for. */
  readonly prompts: AttemptPrompts | null;
  /** The step that has no outcome yet, and where the log has it. */
  call: { readonly event: EventOf<'tool_called'>; readonly place: RecordPlace } | null;
}

/** Beside the fold, and only where traces are sent. */
export interface TaskTrace {
  /** Open attempts by attemptKey. */
  readonly attempts: Map<string, Attempt>;
  readonly promptsOf: PromptsOf | null;
}

/** @param promptsOf null: chats are traced without their prompts */
export const createTaskTrace = (promptsOf: PromptsOf | null): TaskTrace => ({ attempts: new Map(), promptsOf });

/** The spans that end with a record that was applied. Changes the trace in place. */
export function spansOfTask(trace: TaskTrace, { event }: FoldRecord, place: RecordPlace): readonly Span[] {
  if (event.event_type === 'task_assigned') {
    trace.attempts.set(attemptKey(event.payload), begin(trace, event, place));
    return [];
  }
  if (!isOfAttempt(event)) return [];
  const key = attemptKey(event.payload);
  const attempt = trace.attempts.get(key);
  if (attempt === undefined) return [];
  switch (event.event_type) {
    case 'call_proposed':
      return chat(attempt, event, place);
    case 'tool_called':
      attempt.call = { event, place };
      // What a person approved, a model had said when it was proposed.
      return event.payload.approval_id === null ? chat(attempt, event, place) : [];
    case 'tool_returned':
      return returned(attempt, event);
    default:
      trace.attempts.delete(key);
      return ended(attempt, event);
  }
}

type End = EventOf<'task_completed' | 'task_failed' | 'task_cancelled'>;

const isOfAttempt = (
  event: FoldRecord['event'],
): event is EventOf<'call_proposed' | 'tool_called' | 'tool_returned'> | End => OF_ATTEMPT.has(event.event_type);

const OF_ATTEMPT: ReadonlySet<string> = new Set([
  'call_proposed',
  'tool_called',
  'tool_returned',
  'task_completed',
  'task_failed',
  'task_cancelled',
]);

const begin = (
  { promptsOf }: TaskTrace,
  { event_id, payload }: EventOf<'task_assigned'>,
  place: RecordPlace,
): Attempt => ({
  assignmentId: event_id,
  attributes: attemptAttributes(payload, payload),
  caller: place.caller,
  prompts: promptsOf?.(payload) ?? null,
  call: null,
});

/** A playbook's step has no chat. */
function chat(attempt: Attempt, event: EventOf<'tool_called' | 'call_proposed'>, place: RecordPlace): Span[] {
  const { payload } = event;
  // Also of a step without a chat: the prompts are rebuilt in the journal's order.
  const prompt = attempt.prompts?.promptOf(payload) ?? null;
  const { started_at: startMs, model_ms: durationMs } = payload;
  if (startMs === null || durationMs === null || payload.model === PLAYBOOK_MODEL) return [];
  return [
    {
      ...below(attempt, payload),
      seed: `${event.event_id} chat`,
      name: `chat ${payload.model}`,
      kind: 'client',
      startMs,
      endMs: startMs + durationMs,
      attributes: {
        'gen_ai.operation.name': 'chat',
        ...modelAttributes(payload.model),
        ...usageAttributes(payload),
        ...stepAttributes(attempt, payload),
        ...placeAttributes(place),
        'ravenhelm.chain_index': payload.chain_index,
        'ravenhelm.refused_replies': payload.refusals.length,
        'ravenhelm.repairs': payload.repairs,
      },
      content: () => ({
        ...promptAttributes(prompt),
        'gen_ai.output.messages': outputMessages(payload.thought, { ...payload, id: event.event_id }),
      }),
      events:
        payload.first_token_ms === null
          ? []
          : [{ name: 'ravenhelm.first_token', atMs: startMs + payload.first_token_ms }],
      error: null,
    },
  ];
}

/** A prompt that the journal does not give exactly is not sent; its state says why. */
function promptAttributes(prompt: PromptReport | null): SpanAttributes {
  if (prompt === null) return {};
  return prompt.state === 'exact'
    ? { 'gen_ai.input.messages': messagesText(prompt.messages) }
    : { 'ravenhelm.prompt': prompt.state };
}

interface OfStep {
  readonly mission_id: string;
  readonly task_id: string;
  readonly attempt: number;
  readonly step: number;
}

/** What every span below an attempt has. */
const below = ({ assignmentId, caller }: Attempt, by: OfStep) => ({
  parent: assignmentId,
  missionId: by.mission_id,
  holds: attemptKey(by),
  caller,
});

const stepAttributes = ({ attributes }: Attempt, { step }: OfStep): SpanAttributes => ({
  ...attributes,
  'ravenhelm.step': step,
});

function returned(attempt: Attempt, event: EventOf<'tool_returned'>): Span[] {
  const { call, prompts } = attempt;
  if (call?.event.payload.step !== event.payload.step) return [];
  attempt.call = null;
  prompts?.add(call.event.payload, event.payload);
  return [toolSpan(attempt, call, event), ...checkSpans(attempt, call.event, event)];
}

type Call = NonNullable<Attempt['call']>;

function toolSpan(
  attempt: Attempt,
  call: Call,
  { timestamp: endMs, payload: outcome }: EventOf<'tool_returned'>,
): Span {
  const { timestamp: calledMs, payload } = call.event;
  const ranMs = Math.max(calledMs, endMs - outcome.duration_ms);
  return {
    ...callSpan(attempt, call, endMs),
    attributes: {
      ...callAttributes(attempt, call),
      'ravenhelm.outcome': outcome.outcome,
      'ravenhelm.exit_code': outcome.exit_code,
      'ravenhelm.limit': outcome.limit,
      'ravenhelm.duration_ms': outcome.duration_ms,
      'ravenhelm.append_to_read_back_ms': ranMs - calledMs,
    },
    content: () => ({
      'gen_ai.tool.call.arguments': payload.arguments,
      'gen_ai.tool.call.result': outcome.observation,
    }),
    // The call runs only when it has been read back.
    events: [{ name: 'ravenhelm.read_back', atMs: ranMs }],
    error: outcome.outcome === 'ok' ? null : outcome.outcome,
  };
}

/** A call that had no outcome when its attempt ended has its span all the same. A later outcome gives no second one. */
function ended(attempt: Attempt, end: End): Span[] {
  const { call } = attempt;
  if (call === null) return [];
  return [
    {
      ...callSpan(attempt, call, end.timestamp),
      attributes: callAttributes(attempt, call),
      content: () => ({ 'gen_ai.tool.call.arguments': call.event.payload.arguments }),
      error: end.event_type === 'task_cancelled' ? 'cancelled' : 'unknown',
    },
  ];
}

const callSpan = (attempt: Attempt, { event: { event_id, timestamp, payload } }: Call, endMs: number) =>
  ({
    ...below(attempt, payload),
    seed: event_id,
    name: `execute_tool ${payload.tool}`,
    kind: 'internal',
    startMs: timestamp,
    endMs: Math.max(timestamp, endMs),
  }) as const;

const callAttributes = (attempt: Attempt, { event: { event_id, payload: call }, place }: Call): SpanAttributes => ({
  'gen_ai.operation.name': 'execute_tool',
  'gen_ai.tool.name': call.tool,
  'gen_ai.tool.type': 'function',
  'gen_ai.tool.call.id': event_id,
  ...stepAttributes(attempt, call),
  ...placeAttributes(place),
  'ravenhelm.decision': call.decision,
  'ravenhelm.rule': call.rule,
  'ravenhelm.approval_id': call.approval_id,
  'ravenhelm.approved_by': call.approved_by,
});

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
  attempt: Attempt,
  call: PayloadOf<'tool_called'>,
  { check, seed, endMs }: { readonly check: Check; readonly seed: string; readonly endMs: number },
): Span {
  return {
    ...below(attempt, call),
    seed,
    name: `check ${check.name}`,
    kind: 'internal',
    startMs: endMs - check.duration_ms,
    endMs,
    attributes: {
      'gen_ai.operation.name': 'check',
      ...stepAttributes(attempt, call),
      'ravenhelm.check': check.name,
      'ravenhelm.exit_code': check.exit_code,
      'ravenhelm.baseline': check.baseline,
    },
    content: () => ({ 'ravenhelm.command': check.command, 'ravenhelm.output': check.output }),
    error: check.exit_code === 0 ? null : 'check_failed',
  };
}
