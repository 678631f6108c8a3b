/** What a registry says when it does not do what it is asked, and what to do about it. */
import { z } from 'zod';
import { describeError } from '../domain/describe-error.js';
import { plainTlsWords, tlsFaultOf, type TlsFault } from '../domain/tls-faults.js';
import { RegistryUnreachable } from './errors.js';

/** A request, as far as it matters to people. */
export interface Question {
  readonly method: string;
  /** Such as /subjects/ravenhelm.TaskAssigned/versions. */
  readonly path: string;
}

/** The registry's answer that is no success. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: string | null;
  /** As the answer has it. */
  readonly retryAfter: string | null;
}

export interface Asker {
  readonly url: string;
  /** Whether requests have a user and a password. */
  readonly hasUser: boolean;
}

/** 42205, "operation not permitted", is what Confluent's registry and Redpanda answer in their mode READONLY. */
const READ_ONLY_CODE = 42_205;
const READ_ONLY_WORDS = /read-?\s?only/i;
const BUSY: readonly number[] = [429, 503];

/** The registry answered a request with an HTTP error. */
export class RegistryRefused extends RegistryUnreachable {
  /** The library reads it: a missing configuration (404) is not a failure to it. */
  readonly status: number;
  /** The registry's message. */
  readonly reason: string;
  /** It takes no schemas, from anyone. */
  readonly isReadOnly: boolean;
  /** How long it asks to wait; null where it does not say. */
  readonly retryAfterMs: number | null;

  constructor(asker: Asker, question: Question, answer: ErrorAnswer, nowMs: number) {
    const { status } = answer;
    const { reason, code } = wordsIn(answer.body);
    const isReadOnly = code === READ_ONLY_CODE || (status < 500 && READ_ONLY_WORDS.test(reason));
    const doing = doingOf(question);
    const refuses = `The schema registry at ${asker.url} refuses ${doing}`;
    const [nextStep, isFinal] = isReadOnly ? READ_ONLY_STEP : stepOf(status, doing, asker);
    const waitMs = retryAfterMs(answer.retryAfter, nowMs);
    const asks = waitMs === null ? '' : `; it asks to wait for ${Math.ceil(waitMs / 1000)} s`;
    super(asker.url, `HTTP ${status}: ${reason}${asks}`, { opening: refuses, nextStep, isFinal });
    this.name = 'RegistryRefused';
    this.status = status;
    this.reason = reason;
    this.isReadOnly = isReadOnly;
    this.retryAfterMs = waitMs;
  }

  /** Whether the same request may be answered in a moment. Apicurio answers 500 if two create a subject at once. */
  get mayPass(): boolean {
    return !this.isReadOnly && (this.status >= 500 || this.status === 429);
  }
}

type Step = readonly [nextStep: string, isFinal: boolean];

const READ_ONLY_STEP: Step = [
  'Set the mode of the registry to READWRITE, or have the schemas of this version registered by who may',
  true,
];

function stepOf(status: number, doing: string, { hasUser }: Asker): Step {
  const names = 'SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD';
  if (status === 401) return [`${hasUser ? 'Correct' : 'Set'} ${names}`, true];
  if (status === 403)
    return [`Grant this user the right ${doing}, or ${hasUser ? 'correct' : 'set'} SCHEMA_REGISTRY_USERNAME`, true];
  if (BUSY.includes(status)) return ['It is busy: try again later', false];
  if (status >= 500) return ['Look at the registry; the same may succeed later', false];
  return ['Correct SCHEMA_REGISTRY_URL', false];
}

/** What the question is for. */
function doingOf({ method, path }: Question): string {
  const [, place = '', name = ''] = /\/(subjects|config|schemas\/ids)(?:\/([^/?]+))?/.exec(path) ?? [];
  const of = decodeURIComponent(name);
  if (place === 'config') return `to ${method === 'GET' ? 'read' : 'set'} the compatibility of ${of}`;
  if (place === 'schemas/ids') return `to read schema ${of}`;
  if (place === 'subjects' && of === '') return 'to list subjects';
  if (method === 'DELETE') return `to remove the subject ${of}`;
  return `to ${path.endsWith('/versions') && method === 'POST' ? 'register' : 'read'} the schema of ${of}`;
}

/** The most characters of a registry's words that an error shows: why a schema does not fit may be long. */
const SHOWN = 1000;
/** Of a proxy's page. */
const SHOWN_OF_PAGE = 200;

const errorBody = z.object({ message: z.string(), error_code: z.number().optional() });

function wordsIn(body: string | null): { readonly reason: string; readonly code: number | null } {
  if (body === null || body.trim() === '') return { reason: 'no reason given', code: null };
  const parsed = errorBody.safeParse(parseJson(body));
  if (!parsed.success) return { reason: plainText(body), code: null };
  return { reason: oneLine(parsed.data.message).slice(0, SHOWN), code: parsed.data.error_code ?? null };
}

const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .replace(/\.$/, '');

/** A proxy's page, without its tags. */
const plainText = (body: string): string =>
  oneLine(body.replace(/<style[^]*?<\/style>|<[^>]*>/g, ' ')).slice(0, SHOWN_OF_PAGE) || 'a page without words';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // Not JSON: the message contains the text itself.
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterMs(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(waitMs) ? Math.max(0, waitMs) : null;
}

/** No answer came: why, and what to do. */
export function unanswered({ url }: Asker, error: unknown): RegistryUnreachable {
  const code: unknown = error instanceof Error && 'code' in error ? error.code : null;
  const fault = tlsFaultOf(error);
  const words = plainTlsWords(describeError(error));
  if (fault !== null) {
    const opening = `The schema registry at ${url} ${TLS_WORDS[fault]}`;
    return new RegistryUnreachable(url, words, { cause: error, opening, nextStep: TLS_STEPS[fault], isFinal: true });
  }
  return new RegistryUnreachable(url, words, { cause: error, ...stepOfCode(url, String(code)) });
}

const TLS_WORDS: Readonly<Record<TlsFault, string>> = {
  untrusted: 'has a certificate that this process does not trust',
  wrong_name: 'has a certificate for another name',
  out_of_date: 'has a certificate that does not count today',
  no_tls: 'does not speak TLS',
  client_certificate: 'wants a client certificate, and there is no setting for one',
};

const TLS_STEPS: Readonly<Record<TlsFault, string>> = {
  untrusted: 'Set NODE_EXTRA_CA_CERTS to a file with the certificate of the authority that has signed it',
  wrong_name: 'Set SCHEMA_REGISTRY_URL to a name in the certificate, or give the registry one for this name',
  out_of_date: "Renew the registry's certificate, or correct the clock of this computer",
  no_tls: 'Write http:// in SCHEMA_REGISTRY_URL, or name its port for TLS',
  client_certificate: 'Reach it through a proxy that has one, or let it take clients without',
};

function stepOfCode(url: string, code: string): { readonly nextStep: string; readonly isFinal?: boolean } | null {
  if (code === 'ECONNREFUSED') return { nextStep: 'Start it, or correct SCHEMA_REGISTRY_URL' };
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return { nextStep: 'Correct SCHEMA_REGISTRY_URL, or run where that name is known' };
  if (!url.startsWith('http:')) return null;
  if (code.startsWith('HPE_'))
    return { nextStep: 'It is no web server (HTTP): correct SCHEMA_REGISTRY_URL', isFinal: true };
  return code === 'ECONNRESET'
    ? { nextStep: 'Look at the registry, or correct SCHEMA_REGISTRY_URL: https:// where it speaks TLS' }
    : null;
}
