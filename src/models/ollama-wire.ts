import type { Watchdog } from './watchdog.js';

/** The server answered with an HTTP error. */
export class OllamaHttpError extends Error {
  readonly code = 'ollama_http';
  readonly retriable: boolean;

  constructor(readonly status: number, message: string, readonly headers: Headers) {
    super(message);
    this.name = 'OllamaHttpError';
    this.retriable = status === 429 || status >= 500;
  }
}

/** The stream held an error, a line that is no JSON, or ended before the reply did. */
export class OllamaStreamError extends Error {
  readonly code = 'ollama_stream';
  readonly retriable: boolean;

  constructor(readonly kind: 'error' | 'malformed' | 'cut', message: string, options?: ErrorOptions) {
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
export function createOllamaFetch(watch: Watchdog, body: 'document' | 'lines'): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, { ...init, signal: watch.signal });
    if (!response.ok) throw new OllamaHttpError(response.status, await errorText(response), response.headers);
    if (body === 'document') return response;
    if (response.body === null) throw new OllamaStreamError('malformed', 'the reply has no body');
    return new Response(response.body.pipeThrough(checkedLines(watch)), response);
  };
}

async function errorText(response: Response): Promise<string> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string') return body.error;
  } catch (error) {
    // A proxy in front of Ollama answers in its own words.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return `HTTP ${response.status} ${text.slice(0, 200)}`.trim();
}

/** UTF-8 in, UTF-8 out: streams of node that decode and encode would take longer than the lines do. */
function checkedLines(watch: Watchdog): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  const emit = (line: string, controller: TransformStreamDefaultController<Uint8Array>) => {
    if (line.trim() === '') return;
    checkLine(line);
    watch.received();
    controller.enqueue(encoder.encode(`${line}\n`));
  };
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) emit(line, controller);
    },
    flush(controller) {
      rest += decoder.decode();
      // The last line may lack its line feed; half a line means that the connection ended early.
      if (rest.trim() !== '' && !isJson(rest)) throw new OllamaStreamError('cut', 'the reply ended in the middle of a line');
      emit(rest, controller);
    },
  });
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

function checkLine(line: string): void {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch (error) {
    throw new OllamaStreamError('malformed', `a line of the reply is no JSON: ${line.slice(0, 100)}`, { cause: error });
  }
  if (typeof content !== 'object' || content === null) throw new OllamaStreamError('malformed', `a line of the reply is no object: ${line.slice(0, 100)}`);
  if ('error' in content) throw new OllamaStreamError('error', String(content.error));
}
