/** The socket of a call's sandbox: each request is judged, and what the engine gets is made from what was judged. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { once } from 'node:events';
import type { Logger } from '../../ports/logger.js';
import { answerHeaders, bodyHeaders, refusalOf } from './answers.js';
import { passedRequest, type EngineRequest, type PassedRequest } from './filter.js';
import type { Project } from './project.js';
import { RequestRefused } from './refusal.js';
import { joinStreams } from './stream.js';
import { ask, bodyOf, createLookup, type EngineAddress } from './upstream.js';

const MOST_BODY_BYTES = 1024 * 1024;
const MOST_CONNECTIONS = 64;
const MOST_HEADER_BYTES = 16 * 1024;
const HEADERS_MS = 10_000;
const REQUEST_MS = 30_000;
/** Lines in the log of one call; all requests are counted. */
const MOST_LINES = 200;

export interface EngineProxyOptions {
  readonly engine: EngineAddress;
  readonly project: Project;
  readonly logger: Logger;
}

export interface EngineProxy {
  /** Listens on a unix socket. */
  listen(path: string): Promise<void>;
  /** Breaks off every connection, to the engine too, and logs how many requests there were. */
  close(): Promise<void>;
}

export function createEngineProxy({ engine, project, logger }: EngineProxyOptions): EngineProxy {
  const closing = new AbortController();
  const lookup = createLookup(engine, closing.signal);
  const tally = createTally(project, logger);
  const streams = new Set<Duplex>();

  /** Judges a request. Rejects with RequestRefused. */
  async function judge(request: IncomingMessage, body: Buffer): Promise<PassedRequest> {
    const asked: EngineRequest = { method: request.method ?? '', target: request.url ?? '', body };
    try {
      const passed = await passedRequest(asked, project, lookup);
      tally.count('passed', asked, null);
      return passed;
    } catch (error) {
      tally.count(error instanceof RequestRefused ? 'refused' : 'failed', asked, error);
      throw error;
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const passed = await judge(request, await bodyWithin(request));
      await forward(engine, passed, response, closing.signal);
    } catch (error) {
      refuse(response, error);
    }
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    streams.add(socket);
    socket.once('close', () => streams.delete(socket));
    socket.on('error', () => socket.destroy());
    await joinStreams({ engine, request, socket, head, judge: (body) => judge(request, body), signal: closing.signal });
  }

  const server = createServer(
    { maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
  return {
    listen: (path) => listen(server, path),
    async close() {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      for (const stream of streams) stream.destroy();
      await closed;
      tally.end();
    },
  };
}

interface Tally {
  count(kind: 'passed' | 'refused' | 'failed', request: EngineRequest, error: unknown): void;
  /** Logs how many there were. */
  end(): void;
}

/** The account of a call's requests in the program's log: a line for each up to a bound, and their numbers. */
function createTally(project: Project, logger: Logger): Tally {
  const counted = { passed: 0, refused: 0, failed: 0 };
  return {
    count(kind, { method, target }, error) {
      counted[kind] += 1;
      if (counted.passed + counted.refused + counted.failed > MOST_LINES) return;
      const reason = error instanceof Error ? { reason: error.message.slice(0, 500) } : {};
      const line = { project: project.name, method, target: target.slice(0, 500), ...reason };
      if (kind === 'passed') logger.debug(line, 'engine.passed');
      else logger.info(line, `engine.${kind}`);
    },
    end: () => logger.info({ project: project.name, ...counted }, 'engine.used'),
  };
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}

/** A body that is too large is read on for a while: a client reads the answer when it has sent all. */
async function bodyWithin(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length <= MOST_BODY_BYTES) parts.push(part);
    if (length > 16 * MOST_BODY_BYTES) break;
  }
  if (length > MOST_BODY_BYTES) throw new RequestRefused(`the body has more than ${MOST_BODY_BYTES} bytes`, 413);
  return Buffer.concat(parts);
}

async function forward(
  engine: EngineAddress,
  { method, target, body, shown }: PassedRequest,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const text = body === null ? undefined : JSON.stringify(body);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const answer = await ask(engine, {
    method,
    path: target,
    signal: AbortSignal.any([signal, gone.signal]),
    ...(text === undefined ? {} : { headers: bodyHeaders(text), body: text }),
  });
  const status = answer.statusCode ?? 502;
  if (shown !== null && status === 200) {
    const seen = JSON.stringify(shown(JSON.parse((await bodyOf(answer)).toString('utf8'))));
    response.writeHead(status, bodyHeaders(seen)).end(seen);
    return;
  }
  response.writeHead(status, answerHeaders(answer));
  response.flushHeaders();
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const { status, text } = refusalOf(error);
  // The rest of a body that is too large is not read.
  response.writeHead(status, { ...bodyHeaders(text), connection: 'close' }).end(text);
}
