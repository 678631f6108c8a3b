import type { MessageCreateParamsStreaming, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { ChatRequest, ReplyForm, SentMessage } from '../ports/model.js';
import {
  createCapabilities,
  draftRequest,
  fieldNamed,
  type Capabilities,
  type FormFeature,
  type RequestDraft,
  type Sent,
  type Trait,
} from './capabilities.js';
import type { ModelEntry } from './catalog.js';
import { conversation, merged, sentMessages, type Part } from './conversation.js';

/** Parts of a request that servers with the Messages API may lack. */
export type AnthropicFeature = FormFeature | 'tool_choice' | 'strict' | 'effort';

const TRAITS: readonly Trait<AnthropicFeature>[] = [
  { feature: 'tool_choice', names: /tool_choice|disable_parallel_tool_use/i },
  { feature: 'strict', names: fieldNamed('strict') },
  { feature: 'effort', names: fieldNamed('effort') },
  { feature: 'json_schema', names: /output_config|output_format|structured outputs?|json[_ ]?schema/i },
  // A conversation with tool calls lacks the thinking blocks that some models want back with them.
  { feature: 'native', names: /expected [`'"]?thinking/i, refusal: /expected/i },
  { feature: 'native', names: /\btools?\b|tool[_ ]use/i },
];

export function anthropicCapabilities(entry: ModelEntry): Capabilities<AnthropicFeature> {
  return createCapabilities<AnthropicFeature>({
    traits: TRAITS,
    toolCalls: entry.toolCalls,
    forms: ['native', 'json_schema', 'plain'],
  });
}

export interface AnthropicRequest {
  readonly params: MessageCreateParamsStreaming;
  readonly sent: Sent<AnthropicFeature>;
  readonly messages: readonly SentMessage[];
}

export function anthropicRequest(
  entry: ModelEntry,
  can: Capabilities<AnthropicFeature>,
  request: ChatRequest,
  limit: number,
): AnthropicRequest {
  const { form, use, sent } = draftRequest(can, request);
  const parts = merged(conversation(request, form));
  const system = parts.flatMap((part) => (part.kind === 'text' && part.role === 'system' ? [part.text] : []));
  const output = {
    ...(form === 'json_schema' ? { format: { type: 'json_schema' as const, schema: { ...request.schema } } } : {}),
    ...(entry.effort === null ? {} : use('effort', { effort: entry.effort })),
  };
  const params: MessageCreateParamsStreaming = {
    model: entry.id,
    max_tokens: limit,
    ...(system.length > 0 ? { system: system.join('\n\n') } : {}),
    messages: parts.flatMap(messageOf),
    ...(Object.keys(output).length > 0 ? { output_config: output } : {}),
    ...toolFields(form, request, use),
    stream: true,
  };
  return { params, sent: sent(), messages: sentMessages(parts) };
}

type Use = RequestDraft<AnthropicFeature>['use'];

/** A choice of tool cannot be forced while thinking is on, so the model may answer in text as well. */
function toolFields(form: ReplyForm, request: ChatRequest, use: Use): Partial<MessageCreateParamsStreaming> {
  if (form !== 'native') return {};
  return {
    tools: (request.tools ?? []).map(({ name, description, parameters }) => ({
      name,
      description,
      input_schema: { ...parameters, type: 'object' as const },
      ...use('strict', { strict: true }),
    })),
    ...use('tool_choice', { tool_choice: { type: 'auto' as const, disable_parallel_tool_use: true } }),
  };
}

function messageOf(part: Part): MessageParam[] {
  switch (part.kind) {
    case 'text':
      return part.role === 'system' ? [] : [{ role: part.role, content: part.text }];
    case 'call': {
      const { id, tool, arguments: input, thought } = part.call;
      // The API refuses a text block without text.
      const said = thought.trim() === '' ? [] : [{ type: 'text' as const, text: thought }];
      return [{ role: 'assistant', content: [...said, { type: 'tool_use', id, name: tool, input: { ...input } }] }];
    }
    case 'result':
      return [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: part.call.id, content: part.text }] }];
  }
}
