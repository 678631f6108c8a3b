import { Agent } from 'node:https';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import type { SchemaRegistryAPIClient, SchemaRegistryAPIClientArgs } from '@kafkajs/confluent-schema-registry/dist/api/index.js';
import { z } from 'zod';
import type { Clock } from '../ports/clock.js';
import { RegistryUnreachable, describeError } from './errors.js';
import type { TlsOptions } from './kafka-client.js';

export interface RegistryClientOptions {
  readonly auth?: { readonly username: string; readonly password: string };
  /** For https; without it the system's certificate authorities are trusted. */
  readonly tls?: TlsOptions;
  readonly clock: Clock;
}

/** The registry answered a request with an HTTP error. Where nobody expects that status, it is no registry that can be used. */
export class RegistryRefused extends RegistryUnreachable {
  constructor(
    url: string,
    /** The library looks at it: a configuration that is not there (404) is no failure to it. */
    readonly status: number,
    /** The registry's own words. */
    readonly reason: string,
  ) {
    super(url, `unexpected answer, HTTP ${status}: ${reason}`);
    this.name = 'RegistryRefused';
  }
}

/** The library's registry, and its generated client for the calls that the registry has no method for. */
export interface RegistryClient {
  readonly registry: SchemaRegistry;
  readonly api: SchemaRegistryAPIClient;
}

type Middleware = NonNullable<SchemaRegistryAPIClientArgs['middlewares']>[number];
type RespondArguments = Parameters<NonNullable<ReturnType<Middleware>['response']>>;
type Request = RespondArguments[2];
type Response = Awaited<ReturnType<RespondArguments[0]>>;

/** For a request with its repetitions. */
const DEADLINE_MS = 10_000;
/** Apicurio answers 500 while two clients create the same subject; all requests here may be repeated. */
const RETRY = { retries: 4, enableRetry: () => true } as const;

const errorAnswer = z.object({ message: z.string() });

/** A client of the API at this address. Its calls reject with RegistryUnreachable, or its kind RegistryRefused. */
export function createRegistryClient(url: string, { auth, tls, clock }: RegistryClientOptions): RegistryClient {
  const failures = new WeakMap<Request, Response>();
  const registry = new SchemaRegistry({
    host: url,
    retry: RETRY,
    middlewares: [explainFailures(url, failures, clock)],
    ...(auth ? { auth } : {}),
    ...(tls ? { agent: new Agent({ ...tls }) } : {}),
  });
  const api: SchemaRegistryAPIClient = registry['api'];
  middlewareOf(api).unshift(noteFailures(failures));
  return { registry, api };
}

/**
 * Innermost: notes the response of a failed request. The library's own error middleware keeps of it a status and a
 * message only, and mappersmith reports a refused connection as status 400, so that a registry that is down could not
 * be told from one that refuses a schema but by the message's words.
 */
const noteFailures = (failures: WeakMap<Request, Response>): Middleware => () => ({
  response: (next, _renew, request) =>
    next().catch((response: Response) => {
      failures.set(request, response);
      throw response;
    }),
});

/** Outermost: turns what the library makes of a failure into what it was, and ends a request that takes too long. */
const explainFailures = (url: string, failures: WeakMap<Request, Response>, clock: Clock): Middleware => () => {
  const deadline = new AbortController();
  return {
    prepareRequest: async (next) => (await next()).enhance({ signal: deadline.signal }),
    async response(next, _renew, request) {
      // Not left to the signal alone: mappersmith never settles a request whose answer is cut in the middle.
      const expired = new Promise<never>((_resolve, reject) => {
        deadline.signal.addEventListener('abort', () => reject(new RegistryUnreachable(url, `no answer within ${DEADLINE_MS / 1000} s`)));
      });
      const timer = clock.setTimer(DEADLINE_MS, () => deadline.abort());
      try {
        return await Promise.race([next().catch((error: unknown) => explain(url, error, failures.get(request))), expired]);
      } finally {
        timer.cancel();
      }
    },
  };
};

function explain(url: string, error: unknown, response: Response | undefined): never {
  const unanswered = response === undefined ? error : response.error();
  if (response === undefined || unanswered !== null) throw new RegistryUnreachable(url, describeError(unanswered), { cause: unanswered });
  throw new RegistryRefused(url, response.status(), reasonOf(response.rawData()));
}

function reasonOf(body: string | null): string {
  if (body === null) return 'no reason given';
  const parsed = errorAnswer.safeParse(parseJson(body));
  return parsed.success ? parsed.data.message : body.slice(0, 300);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text; // Not JSON: the text itself goes into the message.
  }
}

/** The client's list of middleware. The library only lets us append to it, behind its own error middleware. */
function middlewareOf(client: object): Middleware[] {
  if (!hasManifest(client)) throw new TypeError('@kafkajs/confluent-schema-registry is not the version that this was written for; install the one of package-lock.json');
  return client._manifest.middleware;
}

function hasManifest(client: object): client is { readonly _manifest: { readonly middleware: Middleware[] } } {
  if (!('_manifest' in client)) return false;
  const manifest = client._manifest;
  return typeof manifest === 'object' && manifest !== null && 'middleware' in manifest && Array.isArray(manifest.middleware);
}
