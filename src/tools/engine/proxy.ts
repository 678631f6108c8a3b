/** The socket of a call's sandbox: each request is judged, and what the engine gets is made from what was judged. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { once, setMaxListeners } from 'node:events';
import { finished, pipeline } from 'node:stream/promises';
import type { Logger } from '../../ports/logger.js';
import { answerHeaders, bodyHeaders, refusalOf } from './answers.js';
import { passedRequest, type EngineRequest, type PassedRequest } from './filter.js';
import type { Project } from './project.js';
import { RequestRefused } from './refusal.js';
import { joinStreams, writeRefusal } from './stream.js';
import { createPlacesOf, createTurns, createTurnsByKey, type InTurn, type TakePlace } from './turns.js';
import { ask, createLookup, inTurnOfProcess, jsonOf, PATIENCE_MS, type Ask, type EngineAddress } from './upstream.js';
import { createWriters, type Writers } from './writers.js';

/** Labels of a container are in each list: fifty such bodies fit into one answer. */
const MOST_BODY_BYTES = 64 * 1024;
const MOST_CONNECTIONS = 64;
/** Requests at once, which a client can have more of than connections. */
const MOST_REQUESTS = 128;
/** The same of all calls of this process: each may have a connection to the engine. */
const takeOfProcess = createPlacesOf(() => () => undefined, 256);
/** A restart waits for the container's end, up to 120 s. */
const START_MS = 180_000;
/** Lists of one call that are in memory until its client has read them. */
const MOST_LISTS = 2;
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
  /**
   * Breaks off every connection, to the engine too, logs how many requests there were, and stops the containers that
   * were started and may write to the workspace. Rejects with WorkspaceUnusable.
   */
  close(): Promise<void>;
}

export function createEngineProxy({ engine, project, logger }: EngineProxyOptions): EngineProxy {
  const closing = new AbortController();
  const tally = createTally(project, logger);
  const judge = judgeOf({ engine, project, tally });
  const take = createPlacesOf(takeOfProcess, MOST_REQUESTS);
  const inTurn = createTurns(MOST_LISTS);
  const writers = createWriters(engine);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signal = connections.signalOf(request.socket);
    await inPlace(take, async () => {
      const body = await bodyWithin(request);
      await turnFor(
        request,
        project,
      )(async () => {
        const passed = await judge(request, body, signal);
        await forward({ engine, passed, response, signal, inTurn, writers });
      });
    }).catch((error: unknown) => refuse(response, error));
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const signal = connections.signalOf(socket);
    socket.on('error', () => socket.destroy());
    await inPlace(take, () =>
      joinStreams({ engine, request, socket, head, judge: (body) => judge(request, body, signal), signal }),
    ).catch((error: unknown) => writeRefusal(socket, error));
  }

  const server = createServer(
    { maxHeaderSize: MOST_HEADER_BYTES, headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = MOST_CONNECTIONS;
  const connections = connectionsOf(server, closing.signal);
  // A connection that cannot be taken (EMFILE) is closed; without a listener this would end the worker.
  server.on('error', (error) => logger.warn({ project: project.name, reason: String(error) }, 'engine.failed'));
  server.on('upgrade', (request, socket, head) => void upgrade(request, socket, head));
  return {
    listen: (path) => listen(server, path),
    async close() {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      connections.destroy();
      await closed;
      tally.end();
      await writers.stop();
    },
  };
}

interface Judging {
  readonly engine: EngineAddress;
  readonly project: Project;
  readonly tally: Tally;
}

/** Judges a request. Rejects with RequestRefused. */
type Judge = (request: IncomingMessage, body: Buffer, signal: AbortSignal) => Promise<PassedRequest>;

function judgeOf({ engine, project, tally }: Judging): Judge {
  return async (request, body, signal) => {
    const asked: EngineRequest = { method: request.method ?? '', target: request.url ?? '', body };
    try {
      const passed = await passedRequest(asked, project, createLookup(engine, signal));
      tally.count('passed', asked, null);
      return passed;
    } catch (error) {
      tally.count(error instanceof RequestRefused ? 'refused' : 'failed', asked, error);
      throw error;
    }
  };
}

interface Connections {
  /** Aborted when the connection is closed, or all are to be. */
  signalOf(socket: Duplex): AbortSignal;
  destroy(): void;
}

/** Of all connections, those that have become streams too. */
function connectionsOf(server: Server, closing: AbortSignal): Connections {
  const signals = new Map<Duplex, AbortSignal>();
  server.on('connection', (socket: Duplex) => {
    const gone = new AbortController();
    const signal = AbortSignal.any([closing, gone.signal]);
    // Each request of the connection listens.
    setMaxListeners(0, signal);
    signals.set(socket, signal);
    socket.once('close', () => {
      signals.delete(socket);
      gone.abort();
    });
  });
  return {
    signalOf: (socket) => signals.get(socket) ?? AbortSignal.abort(),
    destroy() {
      for (const socket of signals.keys()) socket.destroy();
    },
  };
}

/** What is there is counted before one more is made. */
const isCreation = (target: string) => /\/create(?:\?|$)/.test(target);
const creationsOf = createTurnsByKey(1);

const turnFor = ({ url = '' }: IncomingMessage, { name }: Project): InTurn =>
  isCreation(url) ? creationsOf(name) : (work) => work();

/** Rejects with RequestRefused if there is no place. */
async function inPlace(take: TakePlace, work: () => Promise<void>): Promise<void> {
  const giveBack = take();
  if (giveBack === null)
    throw new RequestRefused('too many requests to the engine are open: wait until some have ended', 503);
  try {
    await work();
  } finally {
    giveBack();
  }
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
      const about = error instanceof RequestRefused && error.about !== '' ? { about: error.about.slice(0, 500) } : {};
      const line = { project: project.name, method, target: target.slice(0, 500), ...reason, ...about };
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

interface Forwarded {
  readonly engine: EngineAddress;
  readonly passed: PassedRequest;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
  readonly inTurn: InTurn;
  readonly writers: Writers;
}

/** Resolves when the engine's connection and the client's answer have ended. */
async function forward({ engine, passed, response, signal, inTurn, writers }: Forwarded): Promise<void> {
  const { method, target, body, shown, starts } = passed;
  const text = body === null ? undefined : JSON.stringify(body);
  const asked = {
    method,
    path: target,
    signal,
    ...(text === undefined ? {} : { headers: bodyHeaders(text), body: text }),
  };
  if (shown !== null) return inTurn(() => forwardShown(engine, asked, shown, response));
  signal.throwIfAborted();
  // Neither a start nor a creation is broken off: it is known when it has ended.
  const begun =
    starts === null && !isCreation(target)
      ? ask(engine, asked)
      : ask(engine, { ...asked, signal: undefined, timeout: START_MS });
  const answer = await (starts === null ? begun : writers.starts(starts, begun));
  response.writeHead(answer.statusCode ?? 502, answerHeaders(answer));
  response.flushHeaders();
  await pipeline(answer, response);
}

async function forwardShown(
  engine: EngineAddress,
  asked: Ask,
  shown: (answer: unknown) => unknown,
  response: ServerResponse,
): Promise<void> {
  const answer = await ask(engine, { ...asked, timeout: PATIENCE_MS });
  const status = answer.statusCode ?? 502;
  const seen = await inTurnOfProcess(async () => {
    const value = await jsonOf(answer);
    return JSON.stringify(status === 200 ? shown(value) : value);
  });
  response.writeHead(status, bodyHeaders(seen)).end(seen);
  await finished(response);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  const { status, text } = refusalOf(error);
  // The rest of a body that is too large is not read.
  response.writeHead(status, { ...bodyHeaders(text), connection: 'close' }).end(text);
}
