import { isJson } from '../domain/json-object.js';
import type { Clock } from '../ports/clock.js';
import { asResponse } from './lean-response.js';
import { serverWords, wordsOf, type ServerWords } from './server-words.js';
import type { Watchdog } from './watchdog.js';

/** The stream contained an error or a line that is not JSON, or ended before the reply was complete. */
export class OllamaStreamError extends Error {
  readonly code = 'ollama_stream';
  readonly retriable: boolean;

  constructor(
    readonly kind: 'error' | 'malformed' | 'cut' | 'page',
    message: string,
    options?: ErrorOptions,
    /** Of an error that the server sent. */
    readonly words: ServerWords | null = null,
  ) {
    super(message, options);
    this.name = 'OllamaStreamError';
    this.retriable = kind !== 'malformed' && kind !== 'page';
  }
}

/**
 * A fetch for the ollama package, one for each call. The package cannot abort a request before its first line, prints
 * errors to the console and skips lines that are not JSON; this fetch aborts and rejects in these cases.
 * @param send rejects for an error status
 * @param body document: one JSON document. lines: a stream of JSON lines, each checked on arrival.
 */
export function createOllamaFetch(
  send: typeof fetch,
  clock: Clock,
  watch: Watchdog,
  body: 'document' | 'lines',
): typeof fetch {
  return async (input, init) => {
    const response = await send(input, { ...init, signal: watch.signal });
    if (body === 'document') return response;
    watch.connected();
    if (response.body === null) throw new OllamaStreamError('malformed', 'the reply has no body');
    const lines = checkedLines(clock, watch, response.body.getReader());
    return asResponse({
      status: response.status,
      statusText: response.statusText,
      headers: () => response.headers,
      read: async () => (await lines.next()).value ?? null,
      cancel: () => void lines.return(undefined),
    });
  };
}

/** How long to wait for the end of a body after its last line. */
const END_WITHIN_MS = 100;

type BodyReader = ReadableStreamDefaultReader<Uint8Array>;

/**
 * The lines of a body, as they arrive. The last line is held back until the body has ended: the package stops reading
 * there, and a body that was not read to its end closes its connection, so that each call would open a new one.
 */
async function* checkedLines(clock: Clock, watch: Watchdog, body: BodyReader): AsyncGenerator<Uint8Array, undefined> {
  const encoder = new TextEncoder();
  for await (const line of linesOf(body)) {
    const isLast = checkLine(line);
    watch.received();
    if (isLast) await endOf(clock, body);
    yield encoder.encode(`${line}\n`);
  }
}

/** By hand, because Node's decoding and splitting streams cost more time than the lines themselves. */
async function* linesOf(body: BodyReader): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for (let chunk = await body.read(); !chunk.done; chunk = await body.read()) {
    const lines = (rest + decoder.decode(chunk.value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter(hasContent);
  }
  rest += decoder.decode();
  // The last line may lack its line feed. An incomplete line means that the connection ended early.
  if (hasContent(rest) && !isJson(rest))
    throw pageIn(rest) ?? new OllamaStreamError('cut', 'the reply ended in the middle of a line');
  if (hasContent(rest)) yield rest;
}

const hasContent = (line: string): boolean => line.trim() !== '';

/** Resolves after END_WITHIN_MS at the latest and never rejects: the reply is complete, only its connection is not. */
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

const said = (words: ServerWords): OllamaStreamError => new OllamaStreamError('error', words.shown, {}, words);

/** A web page, which comes from something in front of the server; null: the text is none. */
function pageIn(text: string): OllamaStreamError | null {
  // A model that writes HTML has it in the middle of a line.
  const words = /^\s*</.test(text) ? serverWords(text) : null;
  return words?.html === true ? new OllamaStreamError('page', words.shown, {}, words) : null;
}

/** Whether this is the reply's last line. Throws OllamaStreamError for an error or an invalid line. */
function checkLine(line: string): boolean {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch (error) {
    throw (
      pageIn(line) ??
      new OllamaStreamError('malformed', `a line of the reply is not JSON: ${line.slice(0, 100)}`, { cause: error })
    );
  }
  if (typeof content !== 'object' || content === null)
    throw new OllamaStreamError('malformed', `a line of the reply is not an object: ${line.slice(0, 100)}`);
  if ('error' in content && content.error !== null) throw said(wordsOf(content));
  // Ollama has written what failed as the key (ollama #11704, #11781).
  const [named] = Object.entries(content).filter(([key]) => /^error\s/.test(key));
  if (named !== undefined) throw said(wordsOf(`${named[0]}: ${String(named[1])}`));
  return 'done' in content && content.done === true;
}
