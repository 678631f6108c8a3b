import { createServer, STATUS_CODES, type RequestListener, type Server } from 'node:http';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import { hostAndPort } from '../domain/network.js';
import { systemErrorWords } from '../domain/system-error.js';
import { isLoopback, isUnspecified, type HttpAddress } from './http-address.js';
import { serveFiles, type FileRoute } from './http-files.js';
import { createSystemClock } from './system-clock.js';
import { refusalOf, SECURITY_HEADERS, type HttpRules } from './http-guard.js';

/** The result of a health check; without reasons it is positive. */
export interface Verdict {
  readonly reasons: readonly string[];
}

/** Who may ask, and where. */
export interface HttpAccess {
  readonly address: HttpAddress;
  /** Bearer token of each request; null: none, which only a loopback address allows. */
  readonly token: string | null;
  /** More names by which clients may address this process, besides localhost, its address and the one connected to. */
  readonly hosts: readonly string[];
  /** host:port by which other processes reach it; absent: its address, or this computer's name and its port. */
  readonly advertise?: HttpAddress;
}

/** What one client can take from the others. */
export interface HttpLimits {
  /** A connection that has sent no whole request by then is closed. */
  readonly requestMs: number;
  /** A connection without data either way is closed; also between two requests. */
  readonly idleMs: number;
  /** More connections are closed at once. */
  readonly connections: number;
}

export interface HttpEndpointOptions extends HttpAccess {
  /** Whether the process should keep running; reasons: what has stalled. */
  live(): Verdict;
  /** Whether the process does all of its work; reasons: what is missing. */
  ready(): Verdict;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  /** An answer could not be made; the client gets status 500. */
  failed(error: unknown): void;
  readonly limits?: Partial<HttpLimits>;
  /** Files that are served besides; absent: none. */
  readonly files?: readonly FileRoute[];
}

export interface HttpEndpoint {
  /** Its address, such as http://127.0.0.1:9464. */
  readonly url: string;
  /** host:port, as other processes reach it. */
  readonly advertised: string;
  close(): Promise<void>;
}

/** The address cannot be listened on, or not without a token. */
export class HttpAddressUnusable extends Error {
  readonly code = 'http_address';
  readonly retriable = false;

  constructor(address: HttpAddress, reason: string, options?: { readonly cause: unknown }) {
    super(`RAVENHELM_HTTP: cannot listen on ${hostAndPort(address)}: ${reason}`, options);
    this.name = 'HttpAddressUnusable';
  }

  readonly nextStep =
    'Set another address with RAVENHELM_HTTP or --http, such as 127.0.0.1:9465; port 0 is any free one.';
}

const LIMITS: HttpLimits = { requestMs: 5_000, idleMs: 10_000, connections: 64 };
const LONGEST_HEADERS_BYTES = 8 * 1024;
/** A URL leaves it out. */
const HTTP_PORT = 80;
const PATHS = ['/livez', '/readyz', '/metrics'];
/** Of what never becomes a request: the statuses of node's own answer, without a word of what was sent. */
const BROKEN: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Serves /livez, /readyz, /metrics and files. Rejects with HttpAddressUnusable. */
export async function openHttpEndpoint(options: HttpEndpointOptions): Promise<HttpEndpoint> {
  const { address, token, hosts, live, ready, metrics, failed, files = [] } = options;
  if (token === null && !isLoopback(address.host))
    throw new HttpAddressUnusable(address, 'other computers can reach it, and there is no token');
  const advertisedHost = options.advertise?.host ?? (isUnspecified(address.host) ? hostname() : address.host);
  const own = isUnspecified(address.host) ? [] : [address.host];
  const forms = files.map(({ form }) => form);
  const rules = { token, hosts: [...own, advertisedHost, ...hosts], paths: PATHS, forms };
  const limits = { ...LIMITS, ...options.limits };
  const { fastify } = await import('fastify'); // where an address is given: most processes serve nothing
  const server = fastify({
    logger: false,
    // A probe that keeps its connection open must not keep the process from ending.
    forceCloseConnections: true,
    serverFactory: (handler) => createLimitedServer(limits, guarded(rules, handler)),
    clientErrorHandler: answerBroken,
  });
  server.setErrorHandler((error, _request, reply) => {
    failed(error);
    void reply.code(500).send({ error: 'the answer could not be made' });
  });
  server.get('/livez', (_request, reply) => answer(reply, 'alive', live()));
  server.get('/readyz', (_request, reply) => answer(reply, 'ready', ready()));
  server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  serveFiles(server, files);
  try {
    const url = await server.listen(address);
    const port = options.advertise?.port ?? (Number(new URL(url).port) || HTTP_PORT);
    return { url, advertised: hostAndPort({ host: advertisedHost, port }), close: () => server.close() };
  } catch (error) {
    await server.close();
    throw new HttpAddressUnusable(address, reasonOf(error), { cause: error });
  }
}

function createLimitedServer({ requestMs, idleMs, connections }: HttpLimits, listener: RequestListener): Server {
  const options = {
    maxHeaderSize: LONGEST_HEADERS_BYTES,
    headersTimeout: requestMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: Math.min(requestMs, 1_000),
    keepAliveTimeout: idleMs,
    requireHostHeader: false, // refused by the guard, with the same headers as the rest
  };
  const server = createServer(options, listener);
  // Node's own answers to these have no security headers, or there are none.
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  // Node leaves this socket to its listener, errors and time limits included.
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('finish', () => socket.destroy());
    answerBroken({}, socket);
  });
  server.timeout = idleMs;
  server.maxConnections = connections;
  return server;
}

const clock = createSystemClock();

/** The router sees only requests for the paths that there are. */
function guarded(rules: HttpRules, handler: RequestListener): RequestListener {
  return (request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const { method = '', url: target = '', headers, headersDistinct, socket } = request;
    const { localAddress } = socket;
    const hostHeaders = headersDistinct['host'] ?? [];
    const refusal = refusalOf({ method, target, headers, hostHeaders, localAddress, nowMs: clock.now() }, rules);
    if (refusal === null) {
      handler(request, response);
      return;
    }
    const { status, error, headers: more } = refusal;
    // The connection ends: what else comes on it is not read.
    const body = JSON.stringify({ error });
    const kind = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) };
    response.writeHead(status, { ...more, ...kind, connection: 'close' });
    response.end(body);
  };
}

function answerBroken({ code }: { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const status = BROKEN[code ?? ''] ?? 400;
  const headers = { ...SECURITY_HEADERS, 'content-length': '0', connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end([`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', ''].join('\r\n'));
}

function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const words = systemErrorWords(code) ?? (error instanceof Error ? error.message : String(error));
  return code === 'EACCES' ? `${words} (ports below 1024 are reserved)` : words;
}

interface Reply {
  code(status: number): { send(body: object): unknown };
}

function answer(reply: Reply, name: string, { reasons }: Verdict): unknown {
  return reasons.length === 0
    ? reply.code(200).send({ status: name })
    : reply.code(503).send({ status: `not ${name}`, reasons });
}
