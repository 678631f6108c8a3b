import { readFileSync } from 'node:fs';
import { parseCatalog, type ModelEntry } from '../../src/models/catalog.js';
import type { Clock } from '../../src/ports/clock.js';
import { ModelError, type ChatModel, type ChatRequest } from '../../src/ports/model.js';

/** The project's own models.yaml. */
export const catalog = parseCatalog(readFileSync(new URL('../../models.yaml', import.meta.url), 'utf8'), 'models.yaml');

/** The computer's clock: the servers in these tests are real ones. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** A schema with what the loop's has: a choice, a map and an optional property. */
export const schema = {
  anyOf: [
    {
      type: 'object',
      properties: {
        thought: { type: 'string', minLength: 1 },
        tool: { const: 'execute_terminal_command' },
        arguments: {
          type: 'object',
          properties: { command: { type: 'string' }, timeout: { type: 'integer', minimum: 1 } },
          required: ['command'],
          additionalProperties: false,
        },
      },
      required: ['thought', 'tool', 'arguments'],
      additionalProperties: false,
    },
    {
      type: 'object',
      properties: {
        thought: { type: 'string' },
        finish: {
          type: 'object',
          properties: { summary: { type: 'string' }, outputs: { type: 'object', additionalProperties: { type: 'string' } } },
          required: ['summary', 'outputs'],
          additionalProperties: false,
        },
      },
      required: ['thought', 'finish'],
      additionalProperties: false,
    },
  ],
};

export const step = { thought: 'look first', tool: 'execute_terminal_command', arguments: { command: 'ls -l' } };
export const finish = { thought: 'done', finish: { summary: 'made the CA', outputs: { ca: 'certs/ca.pem', 'server key': 'certs/server.key' } } };

export function chatRequest(overrides: Partial<ChatRequest> = {}): ChatRequest {
  return {
    messages: [
      { role: 'system', content: 'You are cert_agent. Answer with one JSON object.' },
      { role: 'user', content: 'Make a certificate authority.' },
    ],
    schema,
    maxOutputTokens: 500,
    turn: null,
    ...overrides,
  };
}

export function ask(model: ChatModel, request: ChatRequest = chatRequest()): ReturnType<ChatModel['chat']> {
  return model.chat(request, new AbortController().signal);
}

/** The ModelError that a call ends with; anything else fails the test. */
export async function modelError(call: Promise<unknown>): Promise<ModelError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('the call succeeded, and a ModelError was expected');
}

/** The entry of a hosted model that models.yaml must have. */
export function hostedEntry(provider: 'anthropic' | 'openai', id: string): ModelEntry {
  const entry = catalog.hosted(provider, id);
  if (entry === null) throw new Error(`models.yaml has no ${provider}:${id}`);
  return entry;
}
