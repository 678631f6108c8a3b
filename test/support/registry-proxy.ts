import { createServer } from 'node:http';
import { testBroker } from './broker.js';
import { listen } from './loopback.js';

export interface RegistryProxy {
  readonly url: string;
  down: boolean;
  /** What it answers instead, with Retry-After: 1; null: the registry answers. */
  refusal: 429 | 503 | null;
  /** Schema ids that it answers for as for any that the registry does not have (404, error_code 40403). */
  readonly hidden: Set<number>;
  close(): Promise<void>;
}

/** A registry behind a switch; by default that of the tests. */
export async function startRegistryProxy(target: string = testBroker().registryUrl): Promise<RegistryProxy> {
  const proxy: Omit<RegistryProxy, 'url'> & { url: string } = {
    url: '',
    down: false,
    refusal: null,
    hidden: new Set<number>(),
    close: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      if (proxy.down) return void response.destroy();
      if (proxy.refusal !== null)
        return void response.writeHead(proxy.refusal, { connection: 'close', 'retry-after': '1' }).end();
      const body = Buffer.concat(chunks);
      fetch(target + seenFrom(request.url ?? '', proxy.hidden), {
        method: request.method ?? 'GET',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        ...(body.length > 0 ? { body } : {}),
      })
        .then(
          async (answer) => void response.writeHead(answer.status, { connection: 'close' }).end(await answer.text()),
        )
        .catch(() => void response.destroy());
    });
  });
  proxy.url = await listen(server);
  return proxy;
}

/** No registry of these tests gets so far. */
const UNUSED_ID = 2_147_483_000;

/** So that the registry itself says, in its own words, that it has no such schema. */
function seenFrom(path: string, hidden: ReadonlySet<number>): string {
  const [, id] = /\/schemas\/ids\/(\d+)/.exec(path) ?? [];
  return id !== undefined && hidden.has(Number(id)) ? path.replace(id, String(UNUSED_ID)) : path;
}
