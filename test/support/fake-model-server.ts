import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createDeferred } from '../../src/domain/deferred.js';
import { serve } from './loopback.js';

export interface FakeCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** What a fake model server answers to one request. A string is a good reply with that text. */
export type FakeReply =
  | string
  | {
      readonly kind: 'text';
      readonly text: string;
      /** What the server counts; a quarter of the bytes when not given. */
      readonly tokensIn?: number;
      readonly tokensOut?: number;
      /** Of tokensIn, what came from the vendor's cache. */
      readonly cached?: number;
      /** The API's own stop or finish reason. */
      readonly stop?: string;
      /** The server leaves its counts out. */
      readonly uncounted?: boolean;
      /** Tool calls in the API's own form. */
      readonly calls?: readonly FakeCall[];
      /** Fields of the API's own in its last event. */
      readonly extra?: Readonly<Record<string, unknown>>;
    }
  | {
      readonly kind: 'error';
      readonly status: number;
      readonly message: string;
      readonly type?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** The stream begins well and then holds an error. */
  | { readonly kind: 'error_in_stream'; readonly message: string; readonly type?: string }
  /** 200, and a body that is no reply of this API. */
  | { readonly kind: 'malformed'; readonly body: string }
  /** The server goes silent: before it answers, after the headers, or in the middle of the reply. */
  | { readonly kind: 'stalled'; readonly at: 'connect' | 'first_token' | 'middle' }
  /** The headers, then whatever onPause awaits, then a whole good reply. */
  | { readonly kind: 'paused'; readonly text: string; onPause(): void | Promise<void> }
  /** A whole good reply, after which the server neither ends the body nor says any more. */
  | { readonly kind: 'endless'; readonly text: string }
  /** A piece of the reply every few milliseconds, without an end. */
  | { readonly kind: 'dripping' }
  /** The connection breaks in the middle of the reply: dropped, or closed as if all were well. */
  | { readonly kind: 'cut'; readonly how: 'dropped' | 'closed' };

/** Between two pieces of a dripping reply. */
const DRIP_MS = 20;

/** A text reply with all its settings, whatever the script said. */
export type TextReply = Extract<FakeReply, { kind: 'text' }>;

export function asReply(reply: FakeReply): Exclude<FakeReply, string> {
  return typeof reply === 'string' ? { kind: 'text', text: reply } : reply;
}

export interface FakeServer {
  /** Such as http://127.0.0.1:40123. */
  readonly url: string;
  /** Resolves when it has gone silent, or drips, in the middle of an answer. */
  readonly stalling: Promise<void>;
  /** Connections that it was asked for. */
  connections(): number;
  /** Resolves when a client has closed its connection in the middle of an answer. */
  readonly abandoned: Promise<void>;
  /** Ends the server and every connection to it. */
  close(): Promise<void>;
}

/** An HTTP server on a free port of this computer. An exception of the handler is answered with 500 and its message. */
export async function startHttpServer(
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => Promise<void>,
): Promise<FakeServer> {
  const stalling = createDeferred<void>();
  const abandoned = createDeferred<void>();
  const server = createServer((request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned.resolve();
    });
    const answer = async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(Buffer.from(chunk));
      await handle(request, response, Buffer.concat(chunks).toString('utf8'));
      if (!response.writableEnded && !response.destroyed) stalling.resolve();
    };
    answer().catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: `fake server: ${String(error)}` }));
    });
  });
  let connections = 0;
  server.on('connection', () => (connections += 1));
  return {
    ...(await serve(server)),
    connections: () => connections,
    stalling: stalling.promise,
    abandoned: abandoned.promise,
  };
}

/** How one API puts its replies on the wire; each text is what one write sends. */
export interface ReplyWire {
  readonly headers: Readonly<Record<string, string>>;
  /** A whole good reply. */
  whole(reply: TextReply): readonly string[];
  /** How a stream begins whose reply never ends. */
  begin(): readonly string[];
  /** One more piece of the reply's text. */
  piece(text: string): string;
  errorInStream(reply: Extract<FakeReply, { kind: 'error_in_stream' }>): string;
  /** What has left when the connection is closed too early. */
  readonly cutOff: string;
  fail(reply: Extract<FakeReply, { kind: 'error' }>): void;
}

/** Sends what the script says, in one API's form. Resolves when it was sent, or when nothing more will come. */
export async function sendReply(
  response: ServerResponse,
  wire: ReplyWire,
  reply: Exclude<FakeReply, string>,
): Promise<void> {
  if (reply.kind === 'error') return wire.fail(reply);
  if (reply.kind === 'stalled' && reply.at === 'connect') return;
  response.writeHead(200, wire.headers);
  const send = async (parts: readonly string[]) => {
    for (const part of parts) await write(response, part);
  };
  switch (reply.kind) {
    case 'text':
      await send(wire.whole(reply));
      return void response.end();
    case 'paused':
      response.flushHeaders();
      await reply.onPause();
      await send(wire.whole({ kind: 'text', text: reply.text }));
      return void response.end();
    case 'endless':
      return send(wire.whole({ kind: 'text', text: reply.text }));
    case 'malformed':
      return void response.end(reply.body);
    case 'error_in_stream':
      await send(wire.begin());
      return void response.end(wire.errorInStream(reply));
    case 'stalled':
      if (reply.at === 'middle') await send(wire.begin());
      else response.flushHeaders();
      return;
    case 'dripping':
      await send(wire.begin());
      return drip(response, wire.piece('x'));
    case 'cut':
      await send(wire.begin());
      if (reply.how === 'dropped') response.destroy();
      else response.end(wire.cutOff);
  }
}

function drip(response: ServerResponse, piece: string): void {
  const timer = setInterval(() => response.write(piece), DRIP_MS);
  response.on('close', () => clearInterval(timer));
}

/** Sends JSON and ends. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers });
  response.end(JSON.stringify(body));
}

/** Writes and waits until it has left, so that what follows (a drop, a stall) finds it sent. */
async function write(response: ServerResponse, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => response.write(text, (error) => (error ? reject(error) : resolve())));
}

/** Cuts a text into a few pieces, as a stream brings it. */
export function pieces(text: string): readonly string[] {
  const size = Math.max(1, Math.ceil(text.length / 5));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

export function roughTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}

/**
 * true when T has no key beyond U's. A checker that says `satisfies z.ZodType<Params>` may still let fields through
 * that Params does not have; `const linked: NoExtraKeys<z.infer<typeof checker>, Params> = true` closes that gap.
 */
export type NoExtraKeys<T, U> = Exclude<keyof T, keyof U> extends never ? true : never;
