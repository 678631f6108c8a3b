import { readFileSync } from 'node:fs';
import { parseCatalog, type ModelEntry } from '../../src/models/catalog.js';
import type { Clock } from '../../src/ports/clock.js';
import { ModelError, type ChatModel, type ChatRequest, type OfferedTool } from '../../src/ports/model.js';

/** The project's own models.yaml. */
export const catalog = parseCatalog(readFileSync(new URL('../../models.yaml', import.meta.url), 'utf8'), 'models.yaml');

/** The system clock: the servers in these tests are real. */
export const clock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const closed = (properties: Readonly<Record<string, object>>) => ({
  type: 'object',
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

/** A schema like the agent loop's: closed objects, every property required, the choice one level down. */
export const schema = closed({
  thought: { type: 'string' },
  action: {
    anyOf: [
      closed({
        tool: { type: 'string', enum: ['execute_terminal_command'] },
        arguments: closed({ command: { type: 'string' }, timeout: { anyOf: [{ type: 'integer' }, { type: 'null' }] } }),
      }),
      closed({
        finish: closed({
          summary: { type: 'string' },
          outputs: { type: 'array', items: closed({ name: { type: 'string' }, value: { type: 'string' } }) },
        }),
      }),
    ],
  },
});

export const step = {
  thought: 'look first',
  action: { tool: 'execute_terminal_command', arguments: { command: 'ls -l', timeout: null } },
};
export const finish = {
  thought: 'done',
  action: { finish: { summary: 'made the CA', outputs: [{ name: 'ca', value: 'certs/ca.pem' }] } },
};

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

/** The ModelError that a call rejects with; anything else fails the test. */
export async function modelError(call: Promise<unknown>): Promise<ModelError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('the call succeeded, but a ModelError was expected');
}

/** The entry of a hosted model that models.yaml must have. */
export function hostedEntry(provider: 'anthropic' | 'openai', id: string): ModelEntry {
  const entry = catalog.hosted(provider, id);
  if (entry === null) throw new Error(`models.yaml has no ${provider}:${id}`);
  return entry;
}

/** The tools of a step, finish included. */
export const tools: readonly OfferedTool[] = [
  {
    name: 'execute_terminal_command',
    description: 'Runs a command.',
    parameters: closed({ command: { type: 'string' }, timeout: { anyOf: [{ type: 'integer' }, { type: 'null' }] } }),
  },
  { name: 'finish', description: 'Ends the task.', parameters: closed({ summary: { type: 'string' } }) },
];

/** A conversation with one step behind it. */
export const conversation: ChatRequest = chatRequest({
  messages: [
    { role: 'system', content: 'You are cert_agent.' },
    { role: 'user', content: 'Make a certificate authority.' },
    {
      role: 'assistant',
      content: JSON.stringify(step),
      call: {
        id: 'call_1',
        tool: 'execute_terminal_command',
        arguments: { command: 'ls -l', timeout: null },
        thought: 'look first',
      },
    },
    { role: 'user', content: 'Step 1: succeeded.', answers: 'call_1' },
  ],
  tools,
});
