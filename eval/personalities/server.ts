/**
 * A server that speaks Ollama's API (/api/version, /api/tags, /api/chat as NDJSON) and whose models are personalities.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { z } from 'zod';
import { serve, type LoopbackServer } from '../../test/support/loopback.js';
import { PERSONALITIES } from './all.js';
import type { Knowledge, Said, Turn } from './personality.js';

const requestSchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.string().default('') })),
});

/** Between two pieces of a reply that never ends. */
const PIECE_MS = 200;

/** @param knowledge what a model knows of the task whose prompt this is; null: it knows nothing of it */
export function startPersonalities(knowledge: (prompt: string) => Knowledge | null): Promise<LoopbackServer> {
  const server = createServer((request, response) => {
    answer(request, response, knowledge).catch((error: unknown) => {
      if (!response.headersSent) sendJson(response, 500, { error: String(error) });
      else response.destroy();
    });
  });
  return serve(server);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  knowledge: (prompt: string) => Knowledge | null,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  switch (`${request.method} ${request.url}`) {
    case 'GET /api/version':
      return sendJson(response, 200, { version: '0.12.6' });
    case 'GET /api/tags':
      return sendJson(response, 200, {
        models: Object.keys(PERSONALITIES).map((name) => ({ name: `${name}:latest` })),
      });
    case 'POST /api/chat': {
      const parsed = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      const personality = PERSONALITIES[parsed.model.replace(/:latest$/, '')];
      if (personality === undefined) return sendJson(response, 404, { error: `model '${parsed.model}' not found` });
      const knows = knowledge(parsed.messages.map(({ content }) => content).join('\n'));
      if (knows === null) return sendJson(response, 500, { error: 'the prompt is of no known task' });
      return say(response, parsed.model, personality(turnOf(parsed.messages, knows)));
    }
    default:
      return sendJson(response, 404, { error: 'not found' });
  }
}

/** In both forms of a conversation: as text, and with tool messages. */
function turnOf(messages: readonly { readonly role: string; readonly content: string }[], knows: Knowledge): Turn {
  const isOutcome = ({ role, content }: { role: string; content: string }) =>
    role === 'tool' || (role === 'user' && /^Step \d+:/.test(content));
  const lastOutcome = messages.findLastIndex(isOutcome);
  return {
    done: messages.filter(isOutcome).length,
    rejected: messages.slice(lastOutcome + 1).filter(({ role }) => role === 'assistant').length,
    last: messages.at(-1)?.content ?? '',
    knows,
  };
}

async function say(response: ServerResponse, model: string, said: Said): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  const line = (part: object, done: boolean, more: object = {}) => {
    const message = { role: 'assistant', ...part };
    return `${JSON.stringify({ model, created_at: new Date().toISOString(), message, done, ...more })}\n`;
  };
  const end = (tokens: number, reason: string) =>
    response.end(line({ content: '' }, true, { done_reason: reason, prompt_eval_count: 400, eval_count: tokens }));
  switch (said.kind) {
    case 'endless': {
      const timer = setInterval(() => response.write(line({ content: 'x' }, false)), PIECE_MS);
      response.on('close', () => clearInterval(timer));
      return;
    }
    case 'text':
      response.write(line({ content: said.text }, false));
      return void end(Math.ceil(said.text.length / 4), said.cut ? 'length' : 'stop');
    case 'calls':
      response.write(
        line({ content: said.text, tool_calls: said.calls.map((call) => ({ function: { ...call } })) }, false),
      );
      return void end(40, 'stop');
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
