/** What a server says in an error: for people, and for the rules that decide what the refusal is about. */
export interface ServerWords {
  /** One line of at most 300 characters without markup; empty: the server said nothing. */
  readonly shown: string;
  /** The whole message, one line; for matching only. */
  readonly full: string;
  /** The API's error code and type, in this order, without numbers. */
  readonly kinds: readonly string[];
  /** The request's field that the error is about (OpenAI's `param`). */
  readonly param: string | null;
  /** A status in the error itself, such as OpenRouter's {"error":{"code":502}}. */
  readonly status: number | null;
  /** What the model wrote and the server refused (Groq's failed_generation); null: it is not there, or empty. */
  readonly generated: string | null;
  /** How long Google's API asks to wait, such as "57s"; null: it does not. */
  readonly retryDelay: string | null;
  /** Whether the answer is a web page: it then comes from something in front of the API. */
  readonly html: boolean;
}

/** The most characters of a server's message that an error shows. */
const SHOWN = 300;

/** Reads the body of an error response: JSON of any API, text or a web page. Never throws. */
export function serverWords(body: string): ServerWords {
  try {
    return wordsOf(JSON.parse(body));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const html = /^\s*<(?:!doctype|html|head|body|\?xml)|<\/(?:html|body|h1|title)>/i.test(body);
  return { ...NOTHING, ...both(html ? pageText(body) : body), html };
}

/** Reads an error that is part of a reply, as decoded JSON. */
export function wordsOf(content: unknown): ServerWords {
  // Google's compatible API wraps the object in a list.
  const outer = record(Array.isArray(content) ? content[0] : content);
  if (outer === null) return { ...NOTHING, ...both(messageIn(content)) };
  const error = record(outer['error']);
  const inner = error ?? outer;
  const codes = [inner['code'], outer['code'], inner['status'], outer['status'], outer['status_code']];
  return {
    ...both(messageIn(outer)),
    kinds: [inner['code'], inner['type'], outer['code'], outer['type']].filter(isName),
    param: typeof inner['param'] === 'string' ? inner['param'] : null,
    status: codes.map(Number).find((code) => Number.isInteger(code) && code >= 400 && code < 600) ?? null,
    generated: textIn(inner, 'failed_generation'),
    retryDelay: retryDelayIn(inner),
    html: false,
  };
}

const NOTHING: ServerWords = {
  shown: '',
  full: '',
  kinds: [],
  param: null,
  status: null,
  generated: null,
  retryDelay: null,
  html: false,
};

/** In google.rpc.RetryInfo, one of the error's details. */
function retryDelayIn({ details }: Readonly<Record<string, unknown>>): string | null {
  const all: readonly unknown[] = Array.isArray(details) ? details : [];
  return all.map((detail) => textIn(record(detail) ?? {}, 'retryDelay')).find((delay) => delay !== null) ?? null;
}

function textIn(object: Readonly<Record<string, unknown>>, key: string): string | null {
  const value = object[key];
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}

const isName = (value: unknown): value is string => typeof value === 'string' && !/^\d*$/.test(value);

function both(text: string): Pick<ServerWords, 'shown' | 'full'> {
  const full = oneLine(text);
  return { full, shown: full.length > SHOWN ? `${full.slice(0, SHOWN - 1).trimEnd()}…` : full };
}

/** Control and format characters (colours, direction marks) must not reach a terminal. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
}

/**
 * The message of an error object, wherever an API puts it: {error: {message}} (OpenAI), {error: "…"} (Ollama, LM
 * Studio), {message} (vLLM, Mistral), {detail: "…" | [{loc, msg}]} (FastAPI), {errors: […]}. Else the object as JSON.
 */
function messageIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(messageIn).join('; ');
  const object = record(value);
  if (object === null) return value === undefined || value === null ? '' : JSON.stringify(value);
  for (const key of ['error', 'message', 'detail', 'errors', 'msg', 'error_description', 'title']) {
    const found = object[key];
    if (found === undefined || found === null || found === '') continue;
    // "error": "Client specified an invalid argument" beside a more exact message.
    if (key === 'error' && typeof found === 'string' && typeof object['message'] === 'string')
      return `${found}: ${object['message']}`;
    const text = messageIn(found);
    if (text === '') continue;
    return key === 'msg' && Array.isArray(object['loc']) ? `${object['loc'].join('.')}: ${text}` : text;
  }
  return JSON.stringify(object);
}

function record(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}

/** The title of a page, else its text. */
function pageText(page: string): string {
  const title = /<title[^>]*>([^<]+)<\/title>/i.exec(page)?.[1] ?? /<h1[^>]*>([^<]+)<\/h1>/i.exec(page)?.[1];
  const text = title ?? page.replace(/<(script|style)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ');
  return text
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
