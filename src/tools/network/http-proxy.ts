/** An HTTP proxy (RFC 9110, 9112): CONNECT, and requests with an absolute address. */
import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { join } from './join.js';
import { NotConnected, type NetworkTimings, type Outbound } from './outbound.js';

const MOST_HEAD_BYTES = 32 * 1024;

/** For one connection; a proxy does not pass them on. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'host'],
]);

/** Listens nowhere yet. Every connection to a host is made by outbound. */
export function createHttpProxy(outbound: Outbound, { headMs, idleMs }: NetworkTimings): Server {
  const server = createServer({
    maxHeaderSize: MOST_HEAD_BYTES,
    headersTimeout: headMs,
    connectionsCheckingInterval: Math.ceil(headMs / 4),
    // A long upload is no attack: the call has its own end.
    requestTimeout: 0,
    insecureHTTPParser: false,
  });
  server.timeout = idleMs;
  // A client that has sent all of its request may close that direction.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on('connect', (request, client, head) => {
    client.on('error', () => client.destroy());
    void tunnel(outbound, request.url ?? '', client, head);
  });
  server.on('request', (request, response) => void forward(outbound, request, response));
  return server;
}

async function tunnel(outbound: Outbound, target: string, client: Duplex, head: Buffer): Promise<void> {
  const authority = readAuthority(target);
  if (authority === null) return end(client, '400 Bad Request', 'CONNECT takes host:port.');
  try {
    const socket = await outbound.open(authority.host, authority.port);
    if (client.destroyed) {
      socket.destroy();
      return;
    }
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    if (head.length > 0) socket.write(head);
    join(client, socket);
  } catch (error) {
    const { status, text } = answerTo(error);
    end(client, status, text);
  }
}

/** Answers and closes both directions: a client that keeps its own open keeps nothing here. */
function end(client: Duplex, status: string, text: string): void {
  const body = `${text}\n`;
  client.once('finish', () => client.destroy());
  client.resume();
  client.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

/** No text of a request is repeated in an answer. */
function answerTo(error: unknown): { readonly status: string; readonly text: string } {
  if (!(error instanceof NotConnected)) return { status: '502 Bad Gateway', text: 'The connection broke.' };
  return { status: error.outcome === 'refused' ? '403 Forbidden' : '502 Bad Gateway', text: error.message };
}

const answer = (response: ServerResponse, status: string, text: string): void => {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(Number(status.slice(0, 3)), { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
  response.end(`${text}\n`);
};

/**
 * Each request has a separate connection, and only the address of its first line counts: a Host header that names
 * another host is replaced (RFC 9112, 3.2.2). The head of the request is written again from what was read, so that both
 * sides read the same one.
 */
async function forward(outbound: Outbound, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const address = readHttpAddress(request.url ?? '');
  if (address === null) {
    answer(response, '400 Bad Request', 'This is a proxy: it takes http:// addresses, and CONNECT for all others.');
    return;
  }
  const { url, path } = address;
  const fail = (error: unknown) => answer(response, answerTo(error).status, answerTo(error).text);
  try {
    const socket = await outbound.open(hostOf(url), url.port === '' ? 80 : Number(url.port));
    response.on('close', () => socket.destroy());
    if (response.destroyed) {
      socket.destroy();
      return;
    }
    const sent = sendRequest({
      createConnection: () => socket,
      method: request.method ?? 'GET',
      path,
      headers: [...passedOn(request.rawHeaders), 'Host', url.host, 'Via', '1.1 ravenhelm', ...framing(request)],
      setHost: false,
      insecureHTTPParser: false,
    });
    sent.on('response', (received) => passAnswerOn(received, response));
    sent.on('error', fail);
    // It may end without an answer and without an error, as with 101 (Switching Protocols).
    sent.on('close', () => {
      if (!response.headersSent && !response.destroyed) fail(null);
    });
    request.pipe(sent);
  } catch (error) {
    fail(error);
  }
}

/** An answer that cannot be written again, such as one with the status 000, becomes 502. */
function passAnswerOn(received: IncomingMessage, response: ServerResponse): void {
  received.on('error', () => response.destroy());
  const { statusCode = 0 } = received;
  try {
    // Informational answers (1xx) are no responses; Node takes the range of writeHead from 100.
    if (statusCode < 200) throw new RangeError(`no status of a response: ${statusCode}`);
    response.writeHead(statusCode, passedOn(received.rawHeaders));
  } catch {
    received.destroy();
    answer(response, '502 Bad Gateway', 'The host has sent an answer that is not valid HTTP.');
    return;
  }
  received.pipe(response);
}

/** How the end of the body is found; a length that is known is among the other headers. */
function framing({ method = 'GET', headers }: IncomingMessage): readonly string[] {
  const connection = ['Connection', 'close'];
  if (headers['transfer-encoding'] !== undefined) return [...connection, 'Transfer-Encoding', 'chunked'];
  const hasNone = headers['content-length'] === undefined && !['GET', 'HEAD'].includes(method);
  return hasNone ? [...connection, 'Content-Length', '0'] : connection;
}

/** Without it the next reader would find another end of the body, so the header Connection cannot take it away. */
const LENGTH = 'content-length';

/** Names and values in turn, without those for one connection, which the header Connection may name too. */
function passedOn(raw: readonly string[]): string[] {
  const pairs = raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ''] as const] : []));
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.split(',').map((option) => option.trim().toLowerCase()));
  const isKept = (name: string) => !HOP_BY_HOP.has(name) && (name === LENGTH || !named.includes(name));
  return pairs.filter(([name]) => isKept(name.toLowerCase())).flat();
}

/** host:port of a CONNECT; null: it is no such text. */
export function readAuthority(target: string): { readonly host: string; readonly port: number } | null {
  const parts = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]@/?#\s]+)):(\d{1,5})$/.exec(target);
  const host = parts?.[1] ?? parts?.[2];
  const address =
    host === undefined ? null : readHttpAddress(`http://${parts?.[1] === undefined ? host : `[${host}]`}/`);
  return address === null ? null : { host: hostOf(address.url), port: Number(parts?.[3]) };
}

/** The host and port as URLs have them; the path and query as they are written, because a host may tell forms apart. */
function readHttpAddress(text: string): { readonly url: URL; readonly path: string } | null {
  const [, written] = /^http:\/\/[^/?#\\]+((?:[/?][^#]*)?)(?:#.*)?$/i.exec(text) ?? [];
  if (written === undefined || !URL.canParse(text)) return null;
  const url = new URL(text);
  return url.hostname === '' ? null : { url, path: written.startsWith('/') ? written : `/${written}` };
}

/** As an agent's file names hosts. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
