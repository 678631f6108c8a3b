/** A connection that becomes a stream: attach, and the start of a command in a container. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { PassedRequest } from './filter.js';
import { answerHeaders, bodyHeaders, refusalOf } from './answers.js';
import { RequestRefused } from './refusal.js';
import { openRequest, type EngineAddress } from './upstream.js';

const MOST_BODY_BYTES = 65_536;

export interface JoinOptions {
  readonly engine: EngineAddress;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What of the stream came with the request's head. */
  readonly head: Buffer;
  judge(body: Buffer): Promise<PassedRequest>;
  readonly signal: AbortSignal;
}

/** Resolves when the stream has ended. Rejects with RequestRefused, and when the engine cannot be reached. */
export async function joinStreams(options: JoinOptions): Promise<void> {
  const { request, socket } = options;
  if (request.headers['upgrade']?.toLowerCase() !== 'tcp')
    throw new RequestRefused('the protocol that is asked for is not tcp', 400);
  const { body, rest } = await bodyOfUpgrade(request, socket, options.head);
  const passed = await options.judge(body);
  if (!passed.streams) throw new RequestRefused('this request has no stream', 400);
  await openStream(options, passed, rest);
}

/** The parser of node leaves the body of such a request to its reader; whatever follows is the stream. */
async function bodyOfUpgrade(
  { headers }: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<{ readonly body: Buffer; readonly rest: Buffer }> {
  const text = headers['content-length'] ?? '0';
  if (headers['transfer-encoding'] !== undefined || !/^\d{1,6}$/.test(text) || Number(text) > MOST_BODY_BYTES)
    throw new RequestRefused('the body of a request for a stream needs a Content-Length, of at most 65536', 400);
  const length = Number(text);
  let read = head;
  while (read.length < length) {
    const more: unknown = socket.read() ?? (await readable(socket));
    if (more instanceof Buffer) read = Buffer.concat([read, more]);
  }
  return { body: read.subarray(0, length), rest: read.subarray(length) };
}

/** Resolves with nothing when there is more; rejects when there is not. */
function readable(socket: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null) => {
      socket.off('readable', more).off('end', ended).off('close', ended);
      if (error === null) resolve();
      else reject(error);
    };
    const more = () => done(null);
    const ended = () => done(new RequestRefused('the body ends early', 400));
    socket.on('readable', more).on('end', ended).on('close', ended);
  });
}

function openStream({ engine, socket, signal }: JoinOptions, passed: PassedRequest, rest: Buffer): Promise<void> {
  const text = passed.body === null ? '' : JSON.stringify(passed.body);
  const upstream = openRequest(engine, {
    method: passed.method,
    path: passed.target,
    headers: { ...(text === '' ? {} : bodyHeaders(text)), connection: 'Upgrade', upgrade: 'tcp' },
    signal,
  });
  upstream.end(text);
  return new Promise((resolve, reject) => {
    upstream.once('error', reject);
    upstream.once('upgrade', (answer, stream, head) => {
      stream.once('close', resolve);
      join(socket, stream, { type: answer.headers['content-type'], head, rest });
    });
    upstream.once('response', (answer) => {
      // An error, or an engine that gives a plain answer: the connection ends with it.
      const head = Object.entries({ ...answerHeaders(answer), connection: 'close' });
      const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
      socket.write(`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\n${lines}\r\n`);
      answer.once('close', resolve);
      answer.pipe(socket);
    });
  });
}

interface Joined {
  readonly type: string | undefined;
  /** What of each direction came early. */
  readonly head: Buffer;
  readonly rest: Buffer;
}

function join(socket: Duplex, stream: Duplex, { type, head, rest }: Joined): void {
  stream.on('error', () => socket.destroy());
  stream.once('close', () => socket.end());
  socket.once('close', () => stream.destroy());
  // The client may be gone before there is a stream.
  if (socket.destroyed) return void stream.destroy();
  const shown = type ?? 'application/vnd.docker.raw-stream';
  socket.write(`HTTP/1.1 101 UPGRADED\r\nContent-Type: ${shown}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
  socket.write(head);
  stream.write(rest);
  // Each direction ends by itself: a client closes its input and continues to read.
  stream.pipe(socket);
  socket.pipe(stream);
}

export function writeRefusal(socket: Duplex, error: unknown): void {
  const { status, text } = refusalOf(error);
  const head = Object.entries({ ...bodyHeaders(text), connection: 'close' });
  socket.end(
    `HTTP/1.1 ${status} Refused\r\n${head.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`,
  );
}
