/**
 * Receives what is sent to LangFuse, and refuses what LangFuse refuses, with its status. LangFuse itself needs
 * Postgres, ClickHouse, Redis and S3. Its own sources:
 *   traces      https://github.com/langfuse/langfuse/blob/main/web/src/pages/api/public/otel/v1/traces/index.ts
 *   ingestion   https://github.com/langfuse/langfuse/blob/main/web/src/pages/api/public/ingestion.ts
 *   statuses    https://github.com/langfuse/langfuse/blob/main/web/src/features/public-api/server/withMiddlewares.ts
 * Traces go to /api/public/otel/v1/traces: version 4 refuses trace and observation events at /api/public/ingestion,
 * which remains for scores. Narrower than LangFuse: traces as OTLP/JSON are refused, which it accepts.
 *
 * What LangFuse makes of spans (packages/shared/src/server/otel/OtelIngestionProcessor.ts, ObservationTypeMapper.ts and
 * attributes.ts there; https://langfuse.com/integrations/native/opentelemetry#property-mapping). The first one that is
 * set counts:
 *   trace         the span without parent is the trace; others may set the trace's fields, too
 *   its name      langfuse.trace.name, else the span's name
 *   session       langfuse.session.id, session.id, gen_ai.conversation.id; at most 200 characters of US-ASCII
 *   user          langfuse.user.id, user.id
 *   tags          langfuse.trace.tags, langfuse.tags: an array, or text with commas
 *   and           langfuse.trace.metadata.*, langfuse.trace.input, .output, .public, langfuse.version, langfuse.release
 *   environment   langfuse.environment, deployment.environment.name, deployment.environment; of span or resource
 *   version       langfuse.version, the resource's service.version
 *   type          langfuse.observation.type: span, generation, event, embedding, agent, tool, chain, retriever,
 *                 guardrail, evaluator; else by gen_ai.operation.name: chat, text_completion and generate_content
 *                 are generations, embeddings an embedding, invoke_agent and create_agent agents, execute_tool a tool;
 *                 else gen_ai.tool.name or gen_ai.tool.call.id: a tool; else a model's name: a generation; else span
 *   its name      gen_ai.tool.name, else the span's name
 *   level         langfuse.observation.level: DEBUG, DEFAULT, WARNING, ERROR; else ERROR for a span with status error
 *   its message   langfuse.observation.status_message, else the status's message
 *   input         langfuse.observation.input, events gen_ai.*.message, gen_ai.input.messages,
 *                 gen_ai.tool.call.arguments
 *   output        langfuse.observation.output, events gen_ai.choice, gen_ai.output.messages, gen_ai.tool.call.result
 *   metadata      langfuse.observation.metadata.*, langfuse.metadata.*; all other attributes under metadata.attributes
 *   model         langfuse.observation.model.name, gen_ai.response.model, gen_ai.request.model
 *   parameters    langfuse.observation.model.parameters (JSON), gen_ai.request.* but model
 *   usage         langfuse.observation.usage_details (JSON of numbers: input, output, total, …), gen_ai.usage.*
 *                 (input_tokens, output_tokens, total_tokens are renamed to those)
 *   cost          langfuse.observation.cost_details (JSON of dollars: input, output, total), gen_ai.usage.cost:
 *                 the total
 *   prompt        langfuse.observation.prompt.name and .version
 *   first token   langfuse.observation.completion_start_time (ISO 8601)
 */
import type { CreateScoreRequest, IngestionEvent, IngestionResponse } from '@langfuse/core';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { scoreEvent, scoreRequest } from './langfuse-scores.js';
import { serve } from '../../support/loopback.js';
import { spansOf, type Span } from '../../support/otlp/data.js';
import { decodeTraceRequest } from '../../support/otlp/protobuf.js';

/** A request, or one event of a batch, that LangFuse refuses. */
export interface LangfuseFault {
  readonly request: string;
  readonly status: number;
  readonly reason: string;
}

export interface LangfuseReceiver {
  /** For LANGFUSE_HOST or LANGFUSE_BASE_URL. */
  readonly url: string;
  /** All so far, in the order in which they came. */
  readonly spans: readonly Span[];
  readonly scores: readonly (CreateScoreRequest | IngestionEvent.ScoreCreate['body'])[];
  readonly faults: readonly LangfuseFault[];
  stop(): Promise<void>;
}

/** Ends a request with its status. */
class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

interface Received {
  readonly spans: Span[];
  readonly scores: (CreateScoreRequest | IngestionEvent.ScoreCreate['body'])[];
  readonly faults: LangfuseFault[];
}
interface Answer {
  readonly status: number;
  readonly body: unknown;
}
type Route = (request: IncomingMessage, body: Buffer, received: Received) => Answer;

const ROUTES = new Map<string, Route>([
  ['/api/public/otel/v1/traces', takeTraces],
  ['/api/public/scores', takeScore],
  ['/api/public/ingestion', takeBatch],
]);

export async function startLangfuse(keys: {
  readonly publicKey: string;
  readonly secretKey: string;
}): Promise<LangfuseReceiver> {
  const received: Received = { spans: [], scores: [], faults: [] };
  const credentials = Buffer.from(`${keys.publicKey}:${keys.secretKey}`).toString('base64');
  const server = createServer((request, response) => void answer(request, response, `Basic ${credentials}`, received));
  const { url, close } = await serve(server);
  return { url, ...received, stop: close };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  authorization: string,
  received: Received,
): Promise<void> {
  const path = new URL(request.url ?? '', 'http://localhost').pathname;
  const send = ({ status, body }: Answer) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const body = await buffer(request);
  try {
    const route = ROUTES.get(path);
    if (route === undefined) throw new Refused(404, 'no such path');
    if (request.method !== 'POST') throw new Refused(405, 'Method not allowed');
    if (request.headers.authorization === undefined) throw new Refused(401, 'No authorization header');
    if (request.headers.authorization !== authorization) throw new Refused(401, 'Invalid credentials');
    send(route(request, body, received));
  } catch (error) {
    const { status, message } = error instanceof Refused ? error : new Refused(500, String(error));
    received.faults.push({ request: `${request.method} ${path}`, status, reason: message });
    send({ status, body: { message } });
  }
}

/** LangFuse's newest ingestion version; it refuses later ones. Absent: as in its version 3. */
const INGESTION_VERSION = 4;

function takeTraces(request: IncomingMessage, body: Buffer, { spans }: Received): Answer {
  const { headers } = request;
  if (headers['content-type']?.toLowerCase().includes('application/x-protobuf') !== true)
    throw new Refused(400, `Invalid content type: ${headers['content-type']}`);
  const version = headers['x-langfuse-ingestion-version'];
  if (version !== undefined && !(Number(version) <= INGESTION_VERSION))
    throw new Refused(400, `Unsupported x-langfuse-ingestion-version: ${String(version)}`);
  const plain = refusing('Failed to decompress request body', () =>
    headers['content-encoding']?.includes('gzip') === true ? gunzipSync(body) : body,
  );
  spans.push(...refusing('Failed to parse OTel Protobuf Trace', () => spansOf(decodeTraceRequest(plain))));
  return { status: 200, body: {} };
}

function takeScore(_: IncomingMessage, body: Buffer, { scores }: Received): Answer {
  const score = refusing('Invalid request data', () => scoreRequest.parse(JSON.parse(String(body))));
  const id = score.id ?? `score-${scores.length + 1}`;
  scores.push({ ...score, id });
  return { status: 200, body: { id } };
}

const batchRequest = z.object({ batch: z.array(z.unknown()), metadata: z.unknown().optional() });
const namedEvent = z.object({ id: z.string() });

/** Each event of a batch has its own status; the whole always has 207. */
function takeBatch(request: IncomingMessage, body: Buffer, { scores, faults }: Received): Answer {
  const { batch } = refusing('Invalid request data', () => batchRequest.parse(JSON.parse(String(body))));
  const response: IngestionResponse = { successes: [], errors: [] };
  for (const event of batch) {
    const id = namedEvent.safeParse(event).data?.id ?? 'unknown';
    const read = scoreEvent.safeParse(event);
    if (read.success) {
      scores.push(read.data.body);
      response.successes.push({ id, status: 201 });
      continue;
    }
    const reason = z.prettifyError(read.error);
    response.errors.push({ id, status: 400, message: 'Invalid request data', error: reason });
    faults.push({ request: `${request.method} ${request.url} event ${id}`, status: 400, reason });
  }
  return { status: 207, body: response };
}

/** What cannot be read is the sender's fault. */
function refusing<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Refused(400, `${what}: ${error instanceof z.ZodError ? z.prettifyError(error) : String(error)}`);
  }
}
