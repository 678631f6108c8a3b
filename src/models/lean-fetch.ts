/**
 * A fetch on node:http, for servers on this computer that answer within milliseconds: Node's own fetch takes half a
 * millisecond of processor time for each request (docs/performance.md). Its response is a LeanResponse.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { asResponse } from './lean-response.js';

/** As Node's fetch: an idle connection is closed after this long, before most servers close it. */
const IDLE_MS = 4_000;

/** @param otherwise the whole fetch, which follows redirects */
export function createLeanFetch(otherwise: typeof fetch): typeof fetch {
  // Connections that are not in use do not keep the process alive.
  const http = { agent: new HttpAgent({ keepAlive: true, timeout: IDLE_MS }), request: httpRequest };
  const https = { agent: new HttpsAgent({ keepAlive: true, timeout: IDLE_MS }), request: httpsRequest };
  return async (input, init = {}) => {
    const url = typeof input === 'string' || input instanceof URL ? new URL(input) : null;
    const { body = null, signal = null } = init;
    if (url === null || (body !== null && typeof body !== 'string')) return otherwise(input, init);
    signal?.throwIfAborted();
    const { agent, request } = url.protocol === 'https:' ? https : http;
    const send = () => answerOf((options) => request(url, { ...options, agent }), init, body, signal);
    // The server may close an idle connection in the moment in which a request is sent on it; nothing was read of it.
    const answer = await send().catch((error: unknown) => (error instanceof StaleConnection ? send() : raise(error)));
    if (!isRedirect(answer)) return asResponse(leanOf(answer, signal));
    answer.destroy();
    return otherwise(input, init);
  };
}

const raise = (error: unknown): never => {
  throw error;
};

/** A kept connection was closed before the server answered. */
class StaleConnection extends Error {
  readonly code = 'stale_connection';
  readonly retriable = true;
}

function answerOf(
  begin: (options: RequestOptions) => ReturnType<typeof httpRequest>,
  { method = 'GET', headers }: RequestInit,
  body: string | null,
  signal: AbortSignal | null,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const length = body === null ? {} : { 'content-length': Buffer.byteLength(body) };
    const request = begin({ method, headers: { ...plainHeaders(headers), ...length } });
    const onAbort = () => request.destroy();
    signal?.addEventListener('abort', onAbort, { once: true });
    request.once('close', () => signal?.removeEventListener('abort', onAbort));
    request.once('response', resolve);
    // Not once: a request that is destroyed later reports that, too.
    request.on('error', (error: NodeJS.ErrnoException) => {
      if (signal?.aborted === true) reject(signal.reason);
      else if (request.reusedSocket && error.code === 'ECONNRESET') reject(new StaleConnection(error.message));
      else reject(error);
    });
    request.end(body ?? undefined);
  });
}

function plainHeaders(headers: RequestInit['headers']): Record<string, string> {
  if (headers === undefined) return {};
  const pairs = headers instanceof Headers || Array.isArray(headers) ? headers : Object.entries(headers);
  return Object.fromEntries([...pairs].map(([name = '', value = '']) => [name, String(value)]));
}

const isRedirect = ({ statusCode = 0, headers }: IncomingMessage): boolean =>
  statusCode >= 300 && statusCode < 400 && headers.location !== undefined;

function leanOf(answer: IncomingMessage, signal: AbortSignal | null) {
  const body = decoded(answer);
  return {
    status: answer.statusCode ?? 0,
    statusText: answer.statusMessage ?? '',
    headers: () => new Headers(Object.entries(answer.headersDistinct).flatMap(pairsOf)),
    read: partsOf(body, signal),
    cancel: () => void answer.destroy(),
  };
}

const pairsOf = ([name, values = []]: [string, string[] | undefined]): [string, string][] =>
  values.map((value) => [name, value]);

/** No encoding is asked for; some proxies encode all the same. */
function decoded(answer: IncomingMessage): Readable {
  const encoding = answer.headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return answer;
  const decoder = encoding === 'br' ? createBrotliDecompress() : createUnzip();
  answer.once('error', (error) => decoder.destroy(error));
  return answer.pipe(decoder);
}

/** Rejects with the signal's reason, and with the connection's error. */
function partsOf(body: Readable, signal: AbortSignal | null): () => Promise<Uint8Array | null> {
  let wake: () => void = () => undefined;
  let failure: unknown = null;
  for (const event of ['readable', 'end', 'close']) body.on(event, () => wake());
  body.on('error', (error) => {
    failure = error;
    wake();
  });
  return async () => {
    for (;;) {
      if (signal?.aborted === true) throw signal.reason;
      const part: unknown = body.read();
      if (part instanceof Uint8Array) return part;
      if (failure !== null) throw failure;
      if (body.readableEnded) return null;
      if (body.destroyed) throw new Error('the connection was closed');
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
}
