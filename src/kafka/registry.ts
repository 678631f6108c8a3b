import { z } from 'zod';
import type { Clock } from '../ports/clock.js';
import { RegistryUnreachable, SchemaIncompatible, SchemaUnknown, describeError } from './errors.js';

/**
 * A client of the Confluent registry API (Confluent, Redpanda, Apicurio's ccompat).
 * Not @kafkajs/confluent-schema-registry: that one reports a refused connection as HTTP status 400, so that
 * "registry down" (wait) cannot be told from "bad schema" (stop) but by the message's words.
 */
export interface Registry {
  /** Where the API was found. */
  readonly url: string;
  /** Registers a schema under FULL_TRANSITIVE and gives its id; the same text again gives the same id. Rejects with SchemaIncompatible or RegistryUnreachable. */
  register(subject: string, schema: string): Promise<number>;
  /** The JSON text of a schema. Rejects with SchemaUnknown or RegistryUnreachable. */
  schemaById(id: number): Promise<string>;
}

export interface RegistryOptions {
  /** http(s)://host:port, or the API's own address, such as http://host:port/apis/ccompat/v7. */
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string };
  readonly clock: Clock;
}

const REQUEST_TIMEOUT_MS = 10_000;
const SERVER_ERROR_RETRIES = 4;
const CONTENT_TYPE = 'application/vnd.schemaregistry.v1+json';
/** Where Apicurio serves the Confluent API; Confluent and Redpanda serve it at the root. */
const APICURIO_PATH = '/apis/ccompat/v7';

const idAnswer = z.object({ id: z.number().int() });
const schemaAnswer = z.object({ schema: z.string() });
const errorAnswer = z.object({ message: z.string() });

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

type Request = (method: 'GET' | 'PUT' | 'POST', path: string, body?: object) => Promise<Answer>;

/** Finds the API under the given address. Rejects with RegistryUnreachable. */
export async function connectRegistry(options: RegistryOptions): Promise<Registry> {
  const given = options.url.replace(/\/+$/, '');
  for (const url of [given, given + APICURIO_PATH]) {
    const request = createRequest(url, options);
    const answer = await request('GET', '/subjects');
    if (answer.status === 200 && Array.isArray(answer.body)) return createRegistry(url, request);
    if (answer.status === 401 || answer.status === 403) throw new RegistryUnreachable(url, `it refuses this user (HTTP ${answer.status})`);
  }
  throw new RegistryUnreachable(given, 'what answers there does not speak the Confluent registry API');
}

function createRegistry(url: string, request: Request): Registry {
  const unexpected = (answer: Answer) => new RegistryUnreachable(url, `unexpected answer, HTTP ${answer.status}: ${reasonOf(answer)}`);

  const lookUp = async (subject: string, schema: string): Promise<number | null> => {
    const answer = await request('POST', `/subjects/${encodeURIComponent(subject)}`, { schema });
    if (answer.status === 404) return null;
    if (answer.status !== 200) throw unexpected(answer);
    return idAnswer.parse(answer.body).id;
  };

  return {
    url,
    async register(subject, schema) {
      const known = await lookUp(subject, schema);
      if (known !== null) return known;
      const config = await request('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility: 'FULL_TRANSITIVE' });
      if (config.status !== 200) throw unexpected(config);
      const answer = await request('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema });
      if (answer.status === 200) return idAnswer.parse(answer.body).id;
      if (answer.status !== 409 && answer.status !== 422) throw unexpected(answer);
      // Two processes that start together: the other one's registration of the same schema may be the conflict.
      const registeredMeanwhile = await lookUp(subject, schema);
      if (registeredMeanwhile !== null) return registeredMeanwhile;
      throw new SchemaIncompatible(subject, reasonOf(answer));
    },
    async schemaById(id) {
      const answer = await request('GET', `/schemas/ids/${id}`);
      if (answer.status === 404) throw new SchemaUnknown(id);
      if (answer.status !== 200) throw unexpected(answer);
      return schemaAnswer.parse(answer.body).schema;
    },
  };
}

function createRequest(url: string, { auth, clock }: RegistryOptions): Request {
  const headers: Record<string, string> = { accept: CONTENT_TYPE, 'content-type': CONTENT_TYPE };
  if (auth) headers['authorization'] = `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;

  const once: Request = async (method, path, body) => {
    const timeout = new AbortController();
    const timer = clock.setTimer(REQUEST_TIMEOUT_MS, () => timeout.abort(new Error(`no answer within ${REQUEST_TIMEOUT_MS / 1000} s`)));
    try {
      const response = await fetch(url + path, { method, headers, body: body && JSON.stringify(body), signal: timeout.signal });
      return { status: response.status, body: parseBody(await response.text()) };
    } catch (error) {
      throw new RegistryUnreachable(url, describeError(error), { cause: error });
    } finally {
      timer.cancel();
    }
  };

  return async (method, path, body) => {
    for (let attempt = 1; ; attempt += 1) {
      const answer = await once(method, path, body);
      // Apicurio answers 500 while two clients create the same subject; all requests here may be repeated.
      if (answer.status < 500 || attempt > SERVER_ERROR_RETRIES) return answer;
      await new Promise<void>((resolve) => clock.setTimer(50 * 2 ** attempt, resolve));
    }
  };
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // Not JSON: the status decides, and the text goes into the message.
  }
}

function reasonOf({ body }: Answer): string {
  const error = errorAnswer.safeParse(body);
  return error.success ? error.data.message : String(body).slice(0, 300);
}
