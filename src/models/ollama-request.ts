import type { ChatRequest as OllamaRequest, Message, Tool } from 'ollama';
import { z } from 'zod';
import type { ChatRequest, SentMessage } from '../ports/model.js';
import {
  createCapabilities,
  draftRequest,
  type Capabilities,
  type FormFeature,
  type Sent,
  type Trait,
} from './capabilities.js';
import type { ModelEntry } from './catalog.js';
import { conversation, sentMessages, type Part } from './conversation.js';

/** Parts of a request that a server, or the model on it, may lack. */
export type OllamaFeature = FormFeature | 'think';

const TRAITS: readonly Trait<OllamaFeature>[] = [
  { feature: 'think', names: /think/i },
  // Servers before 0.5 take only "json": "cannot unmarshal object into Go struct field ChatRequest.format".
  { feature: 'json_schema', names: /format|json schema|grammar/i },
  { feature: 'json_object', names: /format/i },
  { feature: 'native', names: /\btools?\b|tool[_ ]call/i },
];

export function ollamaCapabilities(entry: ModelEntry): Capabilities<OllamaFeature> {
  return createCapabilities<OllamaFeature>({
    traits: TRAITS,
    toolCalls: entry.toolCalls,
    forms: ['native', 'json_schema', 'json_object', 'plain'],
  });
}

/** Two fields of /api/chat that the package's type lacks. Older servers ignore them. */
export type OllamaChatBody = OllamaRequest & {
  /** false: refuse a prompt that does not fit, instead of silently dropping its older messages. */
  truncate: boolean;
  /** false: end the reply at num_ctx, instead of dropping the beginning of the prompt while replying. */
  shift: boolean;
};

export interface OllamaPrepared {
  readonly body: OllamaChatBody & { stream: true };
  readonly sent: Sent<OllamaFeature>;
  readonly messages: readonly SentMessage[];
}

/** Longer than the pauses within a task, so that the model is not loaded again for each turn. */
const KEEP_ALIVE = '30m';
const SEED = 42;

export function ollamaRequest(
  entry: ModelEntry,
  can: Capabilities<OllamaFeature>,
  request: ChatRequest,
  limit: number,
  allowTruncation: boolean,
): OllamaPrepared {
  const { form, use, sent } = draftRequest(can, request);
  const parts = conversation(request, form);
  const body: OllamaPrepared['body'] = {
    model: entry.id,
    messages: parts.map(messageOf),
    stream: true,
    ...(form === 'json_schema' ? { format: request.schema } : {}),
    ...(form === 'json_object' ? { format: 'json' } : {}),
    ...(form === 'native' ? { tools: toolsOf(request) } : {}),
    keep_alive: KEEP_ALIVE,
    ...use('think', { think: entry.thinking }),
    truncate: allowTruncation,
    shift: allowTruncation,
    options: { num_ctx: entry.contextTokens, num_predict: limit, temperature: 0, seed: request.seed ?? SEED },
  };
  return { body, sent: sent(), messages: sentMessages(parts) };
}

function toolsOf({ tools = [] }: ChatRequest): Tool[] {
  return tools.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description, parameters: optionalParameters(parameters) },
  }));
}

function messageOf(part: Part): Message {
  switch (part.kind) {
    case 'text':
      return { role: part.role, content: part.text };
    case 'call': {
      const called = { name: part.call.tool, arguments: { ...part.call.arguments } };
      return { role: 'assistant', content: part.call.thought, tool_calls: [{ function: called }] };
    }
    case 'result':
      return { role: 'tool', content: part.text, tool_name: part.call.tool };
  }
}

const objectSchema = z.looseObject({
  properties: z.record(
    z.string(),
    z.looseObject({ anyOf: z.array(z.looseObject({ type: z.unknown().optional() })).optional() }),
  ),
  required: z.array(z.string()),
});

/**
 * Parameters in which what may be null is optional instead: the templates of Ollama's models show a parameter's type
 * and know no anyOf.
 */
function optionalParameters(parameters: object): { type: string; [key: string]: unknown } {
  const parsed = objectSchema.safeParse(parameters);
  if (!parsed.success) return { ...parameters, type: 'object' };
  const { properties, required, ...rest } = parsed.data;
  const optional: string[] = [];
  const plain = Object.entries(properties).map(([name, property]) => {
    const [only, ...others] = (property.anyOf ?? []).filter(({ type }) => type !== 'null');
    if (only === undefined || others.length > 0 || property.anyOf?.length !== 2) return [name, property];
    optional.push(name);
    const { anyOf: _, ...described } = property;
    return [name, { ...described, ...only }];
  });
  return {
    ...rest,
    type: 'object',
    properties: Object.fromEntries(plain),
    required: required.filter((name) => !optional.includes(name)),
  };
}
