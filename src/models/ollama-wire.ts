import { ReadableStream } from 'node:stream/web';
import type { Clock } from '../ports/clock.js';
import type { Watchdog } from './watchdog.js';

/** The server answered with an HTTP error. */
export class OllamaHttpError extends Error {
  readonly code = 'ollama_http';
  readonly retriable: boolean;

  constructor(
    readonly status: number,
    message: string,
    readonly headers: Headers,
  ) {
    super(message);
    this.name = 'OllamaHttpError';
    this.retriable = status === 429 || status >= 500;
  }
}

/** The stream held an error, a line that is no JSON, or ended before the reply did. */
export class OllamaStreamError extends Error {
  readonly code = 'ollama_stream';
  readonly retriable: boolean;

  constructor(
    readonly kind: 'error' | 'malformed' | 'cut',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'OllamaStreamError';
    this.retriable = kind !== 'malformed';
  }
}

/**
 * The fetch that the ollama package is given, one for each call. The package has no way to abort a request before its
 * first line, prints errors to the console and skips lines that are no JSON, so all of this is caught here.
 * @param body document: one JSON document. lines: a stream of them, each checked as it passes.
 */
export function createOllamaFetch(clock: Clock, watch: Watchdog, body: 'document' | 'lines'): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, signal: watch.signal });
    if (!response.ok) throw new OllamaHttpError(response.status, await errorText(response), response.headers);
    if (body === 'document') return response;
    watch.connected();
    if (response.body === null) throw new OllamaStreamError('malformed', 'the reply has no body');
    return new Response(ReadableStream.from(checkedLines(clock, watch, response.body.getReader())), response);
  };
}

async function errorText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string')
      return body.error;
  } catch (error) {
    // A proxy in front of Ollama answers in its own words.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return `HTTP ${response.status} ${text.slice(0, 200)}`.trim();
}

/** How long the end of a body may come after the last of its lines. */
const END_WITHIN_MS = 100;

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/**
 * The lines of a body as they come. The last one waits for the body's end: the package reads no further than that line,
 * and a body that was not read to its end takes its connection with it, so that each call would open a new one.
 */
async function* checkedLines(clock: Clock, watch: Watchdog, body: BodyReader): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  for await (const line of linesOf(body)) {
    const isLast = checkLine(line);
    watch.received();
    if (isLast) await endOf(clock, body);
    yield encoder.encode(`${line}\n`);
  }
}

/** Streams of node that decode and split would take longer than the lines do. */
async function* linesOf(body: BodyReader): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for (let chunk = await body.read(); !chunk.done; chunk = await body.read()) {
    const lines = (rest + decoder.decode(chunk.value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter(hasContent);
  }
  rest += decoder.decode();
  // The last line may lack its line feed; half a line means that the connection ended early.
  if (hasContent(rest) && !isJson(rest)) throw new OllamaStreamError('cut', 'the reply ended in the middle of a line');
  if (hasContent(rest)) yield rest;
}

const hasContent = (line: string): boolean => line.trim() !== '';

/** Resolves in time, come what may: the reply is complete, whatever becomes of its connection. */
function endOf(clock: Clock, body: BodyReader): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(END_WITHIN_MS, resolve);
    const done = () => {
      timer.cancel();
      resolve();
    };
    readToEnd(body).then(done, done);
  });
}

async function readToEnd(body: BodyReader): Promise<void> {
  while (!(await body.read()).done);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Whether it is the reply's last line. Throws OllamaStreamError for what is none. */
function checkLine(line: string): boolean {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch (error) {
    throw new OllamaStreamError('malformed', `a line of the reply is no JSON: ${line.slice(0, 100)}`, { cause: error });
  }
  if (typeof content !== 'object' || content === null)
    throw new OllamaStreamError('malformed', `a line of the reply is no object: ${line.slice(0, 100)}`);
  if ('error' in content) throw new OllamaStreamError('error', String(content.error));
  return 'done' in content && content.done === true;
}
