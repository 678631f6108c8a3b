import { Agent } from 'node:https';
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry';
import type {
  SchemaRegistryAPIClient,
  SchemaRegistryAPIClientArgs,
} from '@kafkajs/confluent-schema-registry/dist/api/index.js';
import { backoffMs, type Random } from '../domain/backoff.js';
import type { Clock } from '../ports/clock.js';
import { RegistryUnreachable } from './errors.js';
import { RegistryRefused, unanswered, type Asker } from './registry-refusal.js';
import type { TlsOptions } from '../ports/tls.js';

export interface RegistryClientOptions {
  readonly auth?: { readonly username: string; readonly password: string };
  /** For https; absent: the system's certificate authorities are trusted. */
  readonly tls?: TlsOptions;
  readonly clock: Clock;
  /** Jitter for retries. */
  readonly random: Random;
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

/** A client of the API at this address. Its calls reject with RegistryUnreachable, or its subclass RegistryRefused. */
export function createRegistryClient(url: string, { auth, tls, clock, random }: RegistryClientOptions): RegistryClient {
  const failures = new WeakMap<Request, Response>();
  const registry = new SchemaRegistry({
    host: url,
    // The library retries by status and jitters by a fifth; we retry by the error's class, with full jitter.
    retry: { enableRetry: () => false },
    middlewares: [explainFailures({ url, hasUser: auth !== undefined, failures, clock, random })],
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

interface ExplainOptions extends Asker, Pick<RegistryClientOptions, 'clock' | 'random'> {
  readonly failures: WeakMap<Request, Response>;
}

/**
 * Outermost: converts the library's error back into the original failure, retries what may pass, not sooner than the
 * registry asks (Retry-After), and ends a request that takes too long with all its retries.
 */
const explainFailures =
  (options: ExplainOptions): Middleware =>
  () => {
    const { url, failures, clock } = options;
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
        const ask = () =>
          next().catch((error: unknown) => {
            throw explained(options, request, error, failures.get(request));
          });
        try {
          return await Promise.race([retrying(ask, options, deadline.signal), expired]);
        } finally {
          timer.cancel();
        }
      },
    };
  };

async function retrying(
  ask: () => Promise<Response>,
  { clock, random }: Pick<ExplainOptions, 'clock' | 'random'>,
  deadline: AbortSignal,
): Promise<Response> {
  const endMs = clock.monotonicMs() + DEADLINE_MS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error) || attempt === ATTEMPTS || deadline.aborted) throw error;
      const asked = error instanceof RegistryRefused ? (error.retryAfterMs ?? 0) : 0;
      const pauseMs = Math.max(asked, backoffMs(attempt, PAUSE, random));
      if (clock.monotonicMs() + pauseMs >= endMs) throw error;
      await new Promise<void>((resolve) => clock.setTimer(pauseMs, resolve));
    }
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof RegistryRefused) return error.mayPass;
  return error instanceof RegistryUnreachable && error.retriable;
}

function explained(
  asker: ExplainOptions,
  request: Request,
  error: unknown,
  response: Response | undefined,
): RegistryUnreachable {
  const failure = response === undefined ? error : response.error();
  if (response === undefined || failure !== null) return unanswered(asker, failure);
  const question = { method: request.method().toUpperCase(), path: request.path() };
  const retryAfter = response.header<string>('retry-after') ?? null;
  const answer = { status: response.status(), body: response.rawData(), retryAfter };
  return new RegistryRefused(asker, question, answer, asker.clock.now());
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
