import type { ServerResponse } from 'node:http';
import type { ChatResponse, ListResponse, VersionResponse } from 'ollama';
import { z } from 'zod';
import type { OllamaChatBody } from '../../src/models/ollama-request.js';
import {
  asReply,
  pieces,
  roughTokens,
  sendJson,
  sendReply,
  startHttpServer,
  type FakeReply,
  type FakeServer,
  type NoExtraKeys,
  type ReplyWire,
  type TextReply,
} from './fake-model-server.js';

export interface FakeOllamaOptions {
  /** Answers one /api/chat; the index counts them from 0. A string is the reply's text. */
  reply(request: OllamaChatBody, index: number): FakeReply | Promise<FakeReply>;
  /** Names that /api/tags lists; a chat with another one is answered 404, as Ollama does. */
  readonly models?: readonly string[];
  /** Like newer servers: a prompt of more than num_ctx tokens is refused when the request says `truncate: false`. */
  readonly countTokens?: (request: OllamaChatBody) => number;
  /** Answers /api/chat with this error when it applies to the request. */
  readonly refuse?: (request: OllamaChatBody) => { readonly status: number; readonly error: unknown } | null;
  /** The status of /api/version; default 200. */
  readonly versionStatus?: number;
  /** true: the server accepts connections and never answers. */
  readonly hangs?: boolean;
  /** Called when it was asked for its version. */
  readonly onVersion?: () => void;
}

export interface FakeOllama extends FakeServer {
  /** Every chat request that was well formed, in order. */
  readonly requests: readonly OllamaChatBody[];
  /** What it was asked for, in order, such as "POST /api/chat". */
  asked(): readonly string[];
}

/** The fields of the package's ChatRequest that a worker may send, and the two that /api/chat takes besides. */
const checker = z.strictObject({
  model: z.string().min(1),
  messages: z
    .array(
      z.strictObject({
        role: z.enum(['system', 'user', 'assistant', 'tool']),
        content: z.string(),
        tool_calls: z
          .array(
            z.strictObject({
              function: z.strictObject({ name: z.string(), arguments: z.record(z.string(), z.unknown()) }),
            }),
          )
          .optional(),
        tool_name: z.string().optional(),
      }),
    )
    .min(1),
  stream: z.literal(true),
  format: z.union([z.record(z.string(), z.unknown()), z.literal('json')]).optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({
          name: z.string(),
          description: z.string(),
          parameters: z.looseObject({ type: z.string() }),
        }),
      }),
    )
    .optional(),
  keep_alive: z.union([z.string(), z.number()]),
  think: z.boolean().optional(),
  truncate: z.boolean(),
  shift: z.boolean(),
  options: z.strictObject({
    num_ctx: z.int().positive(),
    num_predict: z.int().positive(),
    temperature: z.number(),
    seed: z.int(),
  }),
}) satisfies z.ZodType<OllamaChatBody>;
const linked: NoExtraKeys<z.infer<typeof checker>, OllamaChatBody> = true;
void linked;

/** A server that speaks Ollama's API: /api/chat in NDJSON, /api/tags, /api/version. */
export async function startFakeOllama(options: FakeOllamaOptions): Promise<FakeOllama> {
  const requests: OllamaChatBody[] = [];
  const asked: string[] = [];
  const models = options.models ?? ['qwen3:8b'];
  const server = await startHttpServer(async (request, response, body) => {
    if (options.hangs === true) return;
    const what = `${request.method} ${request.url}`;
    asked.push(what);
    switch (what) {
      case 'GET /api/version':
        options.onVersion?.();
        return sendJson(response, options.versionStatus ?? 200, { version: '0.6.5' } satisfies VersionResponse);
      case 'GET /api/tags':
        return sendJson(response, 200, { models: models.map(tag) });
      case 'POST /api/chat':
        return chat(body, response);
      default:
        return sendJson(response, 404, { error: `no such path: ${what}` });
    }
  });

  async function chat(body: string, response: ServerResponse): Promise<void> {
    const parsed = checker.safeParse(JSON.parse(body));
    if (!parsed.success)
      return sendJson(response, 400, {
        error: `request: ${parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`,
      });
    const request = parsed.data;
    if (!models.includes(request.model))
      return sendJson(response, 404, {
        error: `model ${JSON.stringify(request.model)} not found, try pulling it first`,
      });
    const refused = options.refuse?.(request) ?? null;
    if (refused !== null) return sendJson(response, refused.status, { error: refused.error });
    const tokens = options.countTokens?.(request) ?? 0;
    requests.push(request);
    if (tokens > request.options.num_ctx && !request.truncate)
      return sendJson(response, 400, {
        error: `prompt of ${tokens} tokens is longer than the context of ${request.options.num_ctx}`,
      });
    await sendReply(response, wireOf(response, request), asReply(await options.reply(request, requests.length - 1)));
  }

  return { ...server, requests, asked: () => asked };
}

function wireOf(response: ServerResponse, request: OllamaChatBody): ReplyWire {
  return {
    headers: { 'content-type': 'application/x-ndjson' },
    whole: (reply) => [
      ...pieces(reply.text).map((piece) => line(request, piece)),
      ...(reply.calls ?? []).map(({ name, arguments: args }) =>
        line(request, '', { tool_calls: [{ function: { name, arguments: args } }] }),
      ),
      lastLine(request, reply),
    ],
    begin: () => [line(request, '{"thought":')],
    piece: (text) => line(request, text),
    errorInStream: ({ message }) => `${JSON.stringify({ error: message })}\n`,
    cutOff: '{"model":"qwen3:8b","created_at"',
    fail: ({ status, message, headers }) => sendJson(response, status, { error: message }, headers),
  };
}

/** The wire's form of the package's types: a date is a string there. */
type Wire<T extends { created_at: Date }> = Omit<T, 'created_at'> & { created_at: string };

function line(request: OllamaChatBody, content: string, more: Partial<ChatResponse['message']> = {}): string {
  const piece: Wire<Pick<ChatResponse, 'model' | 'message' | 'done' | 'created_at'>> = {
    model: request.model,
    created_at: '2026-11-23T00:00:00Z',
    message: { role: 'assistant', content, ...more },
    done: false,
  };
  return `${JSON.stringify(piece)}\n`;
}

function lastLine(request: OllamaChatBody, reply: TextReply): string {
  const last: Wire<ChatResponse> = {
    model: request.model,
    created_at: '2026-11-23T00:00:01Z',
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: reply.stop ?? 'stop',
    total_duration: 1_000_000,
    load_duration: 1_000,
    prompt_eval_count: reply.tokensIn ?? roughTokens(JSON.stringify(request.messages)),
    prompt_eval_duration: 1_000,
    eval_count: reply.tokensOut ?? roughTokens(reply.text),
    eval_duration: 1_000,
  };
  const { prompt_eval_count: _, ...uncounted } = last;
  return `${JSON.stringify({ ...(reply.uncounted === true ? uncounted : last), ...reply.extra })}\n`;
}

function tag(
  name: string,
): Omit<ListResponse['models'][number], 'modified_at' | 'expires_at' | 'size_vram'> & { modified_at: string } {
  return {
    name,
    model: name,
    modified_at: '2026-11-23T00:00:00Z',
    size: 1,
    digest: '0'.repeat(64),
    details: {
      parent_model: '',
      format: 'gguf',
      family: 'qwen3',
      families: ['qwen3'],
      parameter_size: '8B',
      quantization_level: 'Q4_K_M',
    },
  };
}
