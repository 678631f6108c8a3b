/** Attributes of spans by OpenTelemetry's conventions for generative AI, and the swarm's own under ravenhelm. */
import { PLAYBOOK_MODEL } from './agent-spec.js';
import type { PromptMessage } from './attempt-report.js';
import type { SpanAttributes } from './spans.js';

/** A model as models.yaml names it, such as ollama:gemma3: its provider and its id there. */
export function modelAttributes(model: string): SpanAttributes {
  if (model === PLAYBOOK_MODEL || model === '') return { 'ravenhelm.model': model };
  const at = model.indexOf(':');
  return at < 0
    ? { 'gen_ai.provider.name': model, 'gen_ai.request.model': model, 'ravenhelm.model': model }
    : {
        'gen_ai.provider.name': model.slice(0, at),
        'gen_ai.request.model': model.slice(at + 1),
        'ravenhelm.model': model,
      };
}

interface Used {
  readonly tokens_in: number;
  readonly tokens_out: number;
  readonly cost_usd: number;
}

export const usageAttributes = ({ tokens_in, tokens_out, cost_usd }: Used): SpanAttributes => ({
  'gen_ai.usage.input_tokens': tokens_in,
  'gen_ai.usage.output_tokens': tokens_out,
  'ravenhelm.cost_usd': cost_usd,
});

interface AboutAttempt {
  readonly mission_id: string;
  readonly task_id: string;
  readonly attempt: number;
}

export const missionAttributes = (missionId: string): SpanAttributes => ({
  'gen_ai.conversation.id': missionId,
  'ravenhelm.mission': missionId,
});

export const attemptAttributes = (
  { mission_id, task_id, attempt }: AboutAttempt,
  { agent, wave_number }: { readonly agent: string; readonly wave_number: number },
): SpanAttributes => ({
  ...missionAttributes(mission_id),
  'gen_ai.agent.name': agent,
  'ravenhelm.agent': agent,
  'ravenhelm.wave': wave_number,
  'ravenhelm.task': task_id,
  'ravenhelm.attempt': attempt,
});

/** Messages in the form of gen_ai.input.messages. */
export const messagesText = (messages: readonly PromptMessage[]): string =>
  JSON.stringify(messages.map(({ role, content }) => ({ role, parts: [{ type: 'text', content }] })));

/** The last message of a chat in the form of gen_ai.output.messages. */
export const outputMessages = (thought: string, call: { id: string; tool: string; arguments: string }): string =>
  JSON.stringify([
    {
      role: 'assistant',
      parts: [
        ...(thought === '' ? [] : [{ type: 'text', content: thought }]),
        { type: 'tool_call', id: call.id, name: call.tool, arguments: call.arguments },
      ],
      finish_reason: 'tool_call',
    },
  ]);
