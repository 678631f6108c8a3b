import { fastify } from 'fastify';
import { systemErrorWords } from '../domain/system-error.js';

/** Where the endpoint listens. */
export interface HttpAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** The result of a health check; without reasons it is positive. */
export interface Verdict {
  readonly reasons: readonly string[];
}

export interface HttpEndpointOptions {
  readonly address: HttpAddress;
  /** Whether the process should keep running; reasons: what has stalled. */
  live(): Verdict;
  /** Whether the process does all of its work; reasons: what is missing. */
  ready(): Verdict;
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
}

export interface HttpEndpoint {
  /** Its address, such as http://127.0.0.1:9464. */
  readonly url: string;
  close(): Promise<void>;
}

/** The address cannot be listened on. */
export class HttpAddressUnusable extends Error {
  readonly code = 'http_address';
  readonly retriable = false;

  constructor({ host, port }: HttpAddress, reason: string, options: { readonly cause: unknown }) {
    super(`RAVENHELM_HTTP: cannot listen on ${host}:${port}: ${reason}`, options);
    this.name = 'HttpAddressUnusable';
  }

  readonly nextStep = 'Set another address with RAVENHELM_HTTP or --http, such as 127.0.0.1:9464, or remove it.';
}

/** Serves /livez, /readyz and /metrics. Rejects with HttpAddressUnusable. */
export async function openHttpEndpoint({ address, live, ready, metrics }: HttpEndpointOptions): Promise<HttpEndpoint> {
  // A probe that keeps its connection open must not keep the process from ending.
  const server = fastify({ logger: false, forceCloseConnections: true });
  server.get('/livez', (_request, reply) => answer(reply, 'alive', live()));
  server.get('/readyz', (_request, reply) => answer(reply, 'ready', ready()));
  server.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  try {
    const url = await server.listen(address);
    return { url, close: () => server.close() };
  } catch (error) {
    await server.close();
    throw new HttpAddressUnusable(address, reasonOf(error), { cause: error });
  }
}

function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const words = systemErrorWords(code) ?? (error instanceof Error ? error.message : String(error));
  return code === 'EACCES' ? `${words} (ports below 1024 are reserved)` : words;
}

interface Reply {
  code(status: number): { send(body: object): unknown };
}

function answer(reply: Reply, name: string, { reasons }: Verdict): unknown {
  return reasons.length === 0
    ? reply.code(200).send({ status: name })
    : reply.code(503).send({ status: `not ${name}`, reasons });
}
