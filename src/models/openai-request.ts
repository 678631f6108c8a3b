import { createHash } from 'node:crypto';
import type {
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
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
import { conversation, merged, sentMessages, withoutSystem, type Part } from './conversation.js';

/** Parts of a request that servers with OpenAI's API may lack. */
export type OpenaiFeature =
  | FormFeature
  | 'tool_choice'
  | 'parallel_tool_calls'
  | 'strict'
  | 'store'
  | 'stream_options'
  | 'max_tokens'
  | 'max_completion_tokens'
  | 'temperature'
  | 'seed'
  | 'reasoning_effort'
  | 'long_ids'
  | 'system_role'
  | 'same_roles';

const RESPONSE_FORMAT =
  /response[_ ]?format|json[_ -]?schema|structured[_ ]outputs?|json[_ ]mode|json_object|guided|grammar/i;

const TRAITS: readonly Trait<OpenaiFeature>[] = [
  { feature: 'long_ids', names: /tool[_ ]call[_ ]?ids?/i, refusal: /length (?:of |>= )?9|alphanumeric|a-z, A-Z, 0-9/i },
  { feature: 'same_roles', names: /roles/i, refusal: /roles must alternate/i },
  {
    feature: 'system_role',
    names: /system|roles/i,
    // Templates without a system role count it as a role that does not alternate (autogen #1037, mistral.rs #45).
    refusal: /system role (?:is )?not supported|only user\b.*roles are supp|roles must alternate|'system' with this/i,
  },
  { feature: 'tool_choice', names: /tool[_ ]?choice(?! requires)/i },
  { feature: 'parallel_tool_calls', names: /parallel[_ ]?tool[_ ]?calls?/i },
  { feature: 'stream_options', names: /stream[_ ]?options|include_usage/i },
  { feature: 'max_completion_tokens', names: /max[_ ]?completion[_ ]?tokens/i },
  { feature: 'max_tokens', names: /max[_ ]?tokens/i },
  { feature: 'reasoning_effort', names: /reasoning[_. ]?effort|["']thinking["']/i },
  { feature: 'temperature', names: /temperature/i },
  { feature: 'seed', names: fieldNamed('seed') },
  { feature: 'store', names: fieldNamed('store') },
  { feature: 'strict', names: fieldNamed('strict') },
  { feature: 'json_schema', names: RESPONSE_FORMAT },
  { feature: 'json_object', names: RESPONSE_FORMAT },
  { feature: 'native', names: /\btools?\b|tool[_ ](?:use|call|calling|choice)|function[_ ]?call|\bfunctions\b/i },
];

export function openaiCapabilities(entry: ModelEntry): Capabilities<OpenaiFeature> {
  return createCapabilities<OpenaiFeature>({
    traits: TRAITS,
    toolCalls: entry.toolCalls,
    forms: ['native', 'json_schema', 'json_object', 'plain'],
  });
}

export interface OpenaiRequest {
  readonly params: ChatCompletionCreateParamsStreaming;
  readonly sent: Sent<OpenaiFeature>;
  readonly messages: readonly SentMessage[];
  /** The token limit, under whatever name. */
  readonly limit: number;
}

export interface OpenaiSetting {
  readonly entry: ModelEntry;
  /** Whether the server is OpenAI's own. */
  readonly own: boolean;
  readonly can: Capabilities<OpenaiFeature>;
}

const SEED = 42;

/** The request in the terms that the server is known to take, with what it uses. */
export function openaiRequest({ entry, own, can }: OpenaiSetting, request: ChatRequest, limit: number): OpenaiRequest {
  const { form, features, use, sent } = draftRequest(can, request);
  const parts = partsOf(request, form, use, can);
  const idOf = (id: string) => (can.takes('long_ids') ? id : shortId(id));
  const seeded = entry.temperature || request.seed !== undefined;
  const params: ChatCompletionCreateParamsStreaming = {
    model: entry.id,
    messages: parts.map((part) => messageOf(part, idOf)),
    ...limitOf(own, can, limit, features),
    ...formFields(form, request, use),
    ...(entry.effort === null ? {} : use('reasoning_effort', { reasoning_effort: entry.effort })),
    ...(entry.temperature ? use('temperature', { temperature: 0 }) : {}),
    ...(seeded ? use('seed', { seed: request.seed ?? SEED }) : {}),
    ...use('store', { store: false }),
    stream: true,
    ...use('stream_options', { stream_options: { include_usage: true } }),
  };
  return { params, sent: sent(), messages: sentMessages(parts), limit };
}

type Use = RequestDraft<OpenaiFeature>['use'];

/**
 * OpenAI's reasoning models refuse max_tokens; servers with its API know max_tokens, and some ignore the newer name
 * without a word, which would leave the reply without a limit. A name is only given up for the other.
 */
function limitOf(
  own: boolean,
  can: Capabilities<OpenaiFeature>,
  limit: number,
  features: Set<OpenaiFeature>,
): { max_tokens?: number; max_completion_tokens?: number } {
  const names = own
    ? (['max_completion_tokens', 'max_tokens'] as const)
    : (['max_tokens', 'max_completion_tokens'] as const);
  const [first, second] = names;
  if (!can.takes(first)) return { [second]: limit };
  if (can.takes(second)) features.add(first);
  return { [first]: limit };
}

function formFields(form: ReplyForm, request: ChatRequest, use: Use): Partial<ChatCompletionCreateParamsStreaming> {
  switch (form) {
    case 'plain':
      return {};
    case 'json_object':
      return { response_format: { type: 'json_object' } };
    case 'json_schema':
      return {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'reply', strict: true, schema: { ...request.schema } },
        },
      };
    case 'native':
      return {
        tools: (request.tools ?? []).map(({ name, description, parameters }) => ({
          type: 'function',
          function: { name, description, parameters: { ...parameters }, ...use('strict', { strict: true }) },
        })),
        ...use('tool_choice', { tool_choice: 'required' as const }),
        ...use('parallel_tool_calls', { parallel_tool_calls: false }),
      };
  }
}

function partsOf(request: ChatRequest, form: ReplyForm, use: Use, can: Capabilities<OpenaiFeature>): readonly Part[] {
  const parts = conversation(request, form);
  const hasSystem = parts.some((part) => part.kind === 'text' && part.role === 'system');
  const sent = hasSystem && !can.takes('system_role') ? withoutSystem(parts) : parts;
  if (hasSystem) use('system_role', {});
  const alternating = merged(sent);
  if (alternating.length < sent.length) use('same_roles', {});
  if (sent.some((part) => part.kind === 'call')) use('long_ids', {});
  return can.takes('same_roles') ? sent : alternating;
}

function messageOf(part: Part, idOf: (id: string) => string): ChatCompletionMessageParam {
  switch (part.kind) {
    case 'text':
      return { role: part.role, content: part.text };
    case 'call': {
      const { id, tool, thought } = part.call;
      const called = { name: tool, arguments: JSON.stringify(part.call.arguments) };
      // Text, not null: templates of older vLLM and of llama.cpp fail on null.
      return {
        role: 'assistant',
        content: thought,
        tool_calls: [{ id: idOf(id), type: 'function', function: called }],
      };
    }
    case 'result':
      return { role: 'tool', tool_call_id: idOf(part.call.id), content: part.text };
  }
}

/** Mistral's models take ids of exactly nine letters and digits (vllm #9019, opencode #1680). */
function shortId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 9);
}
