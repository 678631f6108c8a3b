import type { Endpoint } from './endpoint.js';
import { serverWords, type ServerWords } from './server-words.js';

/** The server answered with an HTTP error. The SDKs pass it on as a cause; their own errors lose parts of the body. */
export class HttpAnswer extends Error {
  readonly code = 'http_answer';
  readonly retriable: boolean;

  constructor(
    readonly status: number,
    readonly words: ServerWords,
    readonly headers: Headers,
  ) {
    // Without the server's words: both SDKs take an error whose text says "timed out" for their own time limit.
    super(`HTTP ${status}`);
    this.name = 'HttpAnswer';
    this.retriable = status === 429 || status >= 500;
  }
}

/** The server reported an error in the middle of a reply, in a form that its SDK does not know. */
export class ErrorInStream extends Error {
  readonly code = 'error_in_stream';
  readonly retriable = true;

  constructor(readonly words: ServerWords) {
    super(words.shown);
    this.name = 'ErrorInStream';
  }
}

/** More of an error's body is not read. */
const LARGEST_ERROR = 65_536;

/** A fetch for one endpoint: with its credentials, through its proxy. Rejects with HttpAnswer for an error status. */
export function createApiFetch(send: typeof fetch, { authorization }: Endpoint): typeof fetch {
  return async (input, init) => {
    const response = await send(input, withAuthorization(init, authorization));
    if (response.ok) return response;
    throw new HttpAnswer(response.status, serverWords(await firstPart(response)), response.headers);
  };
}

/** Whether a server that was asked to stream has answered with one JSON document. */
export const isJsonDocument = ({ headers }: Response): boolean =>
  /^application\/(?:[\w.-]+\+)?json/i.test(headers.get('content-type') ?? '');

/** The error in a chain of causes; null: the server did not answer with an HTTP error. */
export function httpAnswerIn(error: unknown): HttpAnswer | null {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof HttpAnswer) return at;
  return null;
}

function withAuthorization(init: RequestInit | undefined, authorization: string | null): RequestInit | undefined {
  if (authorization === null) return init;
  const headers = new Headers(init?.headers);
  headers.set('authorization', authorization);
  return { ...init, headers };
}

async function firstPart(response: Response): Promise<string> {
  if (response.body === null) return '';
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  while (text.length < LARGEST_ERROR) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text;
}
