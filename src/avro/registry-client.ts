import { Agent } from 'node:https';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import type {
  SchemaRegistryAPIClient,
  SchemaRegistryAPIClientArgs,
} from '@kafkajs/confluent-schema-registry/dist/api/index.js';
import { z } from 'zod';
import { backoffMs, type Random } from '../domain/backoff.js';
import type { Clock } from '../ports/clock.js';
import { RegistryUnreachable } from './errors.js';
import { describeError } from '../domain/describe-error.js';
import type { TlsOptions } from '../ports/tls.js';

export interface RegistryClientOptions {
  readonly auth?: { readonly username: string; readonly password: string };
  /** For https; absent: the system's certificate authorities are trusted. */
  readonly tls?: TlsOptions;
  readonly clock: Clock;
  /** Jitter for retries. */
  readonly random: Random;
}

/** The registry answered a request with an HTTP error. An unexpected status means that the registry cannot be used. */
export class RegistryRefused extends RegistryUnreachable {
  override readonly retriable: boolean;

  constructor(
    url: string,
    /** The library reads it: a missing configuration (404) is not a failure to it. */
    readonly status: number,
    /** The registry's message. */
    readonly reason: string,
  ) {
    super(url, `unexpected answer, HTTP ${status}: ${reason}`);
    this.name = 'RegistryRefused';
    // Apicurio answers 500 if two clients create the same subject at once.
    this.retriable = status >= 500;
  }
}

/** The library's registry, and its generated client for calls that the registry has no method for. */
export interface RegistryClient {
  readonly registry: SchemaRegistry;
  readonly api: SchemaRegistryAPIClient;
}

type Middleware = NonNullable<SchemaRegistryAPIClientArgs['middlewares']>[number];
type RespondArguments = Parameters<NonNullable<ReturnType<Middleware>['response']>>;
type Request = RespondArguments[2];
type Response = Awaited<ReturnType<RespondArguments[0]>>;

/** For a request, its retries included. */
const DEADLINE_MS = 10_000;
/** All requests of this client are idempotent. */
const ATTEMPTS = 5;
const PAUSE = { baseMs: 200, maxMs: 2_000 };

const errorAnswer = z.object({ message: z.string() });

/** A client of the API at this address. Its calls reject with RegistryUnreachable, or its subclass RegistryRefused. */
export function createRegistryClient(url: string, { auth, tls, clock, random }: RegistryClientOptions): RegistryClient {
  const failures = new WeakMap<Request, Response>();
  const registry = new SchemaRegistry({
    host: url,
    // The library retries by status and jitters by a fifth; we retry by the error's class, with full jitter.
    retry: { enableRetry: () => false },
    middlewares: [explainFailures({ url, failures, clock, random })],
    ...(auth ? { auth } : {}),
    ...(tls ? { agent: new Agent({ ...tls }) } : {}),
  });
  const api: SchemaRegistryAPIClient = registry['api'];
  middlewareOf(api).unshift(noteFailures(failures));
  return { registry, api };
}

/**
 * Innermost: notes the response of a failed request. The library's own error middleware keeps of it a status and a
 * message only, and mappersmith reports a refused connection as status 400. So only the message's words would show
 * whether the registry is down or refuses a schema.
 */
const noteFailures =
  (failures: WeakMap<Request, Response>): Middleware =>
  () => ({
    response: (next, _renew, request) =>
      next().catch((response: Response) => {
        failures.set(request, response);
        throw response;
      }),
  });

interface ExplainOptions extends Pick<RegistryClientOptions, 'clock' | 'random'> {
  readonly url: string;
  readonly failures: WeakMap<Request, Response>;
}

/**
 * Outermost: converts the library's error back into the original failure, retries if the failure is retriable, and
 * ends a request that takes too long with all its retries.
 */
const explainFailures =
  ({ url, failures, clock, random }: ExplainOptions): Middleware =>
  () => {
    const deadline = new AbortController();
    return {
      prepareRequest: async (next) => (await next()).enhance({ signal: deadline.signal }),
      async response(next, _renew, request) {
        // The signal alone is not enough: mappersmith never settles a request whose response is interrupted.
        const expired = new Promise<never>((_resolve, reject) => {
          deadline.signal.addEventListener('abort', () =>
            reject(new RegistryUnreachable(url, `no answer within ${DEADLINE_MS / 1000} s`)),
          );
        });
        const timer = clock.setTimer(DEADLINE_MS, () => deadline.abort());
        const answered = async (): Promise<Response> => {
          for (let attempt = 1; ; attempt += 1) {
            try {
              return await next().catch((error: unknown) => explain(url, error, failures.get(request)));
            } catch (error) {
              const again =
                error instanceof RegistryUnreachable &&
                error.retriable &&
                attempt < ATTEMPTS &&
                !deadline.signal.aborted;
              if (!again) throw error;
              await new Promise<void>((resolve) => clock.setTimer(backoffMs(attempt, PAUSE, random), resolve));
            }
          }
        };
        try {
          return await Promise.race([answered(), expired]);
        } finally {
          timer.cancel();
        }
      },
    };
  };

function explain(url: string, error: unknown, response: Response | undefined): never {
  const unanswered = response === undefined ? error : response.error();
  if (response === undefined || unanswered !== null)
    throw new RegistryUnreachable(url, describeError(unanswered), { cause: unanswered });
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
    return text; // Not JSON: the message contains the text itself.
  }
}

/** The client's list of middleware. The library only allows to append, after its own error middleware. */
function middlewareOf(client: object): Middleware[] {
  if (!hasManifest(client))
    throw new TypeError(
      '@kafkajs/confluent-schema-registry has an unsupported version; install the one in package-lock.json',
    );
  return client._manifest.middleware;
}

function hasManifest(client: object): client is { readonly _manifest: { readonly middleware: Middleware[] } } {
  if (!('_manifest' in client)) return false;
  const manifest = client._manifest;
  return (
    typeof manifest === 'object' && manifest !== null && 'middleware' in manifest && Array.isArray(manifest.middleware)
  );
}
