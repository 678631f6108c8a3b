import { createServer, type Server } from 'node:http';
import { testBroker } from './broker.js';

export interface RegistryProxy {
  readonly url: string;
  down: boolean;
  close(): Promise<void>;
}

/** The registry behind a switch. */
export async function startRegistryProxy(): Promise<RegistryProxy> {
  const target = testBroker().registryUrl;
  const proxy = { url: '', down: false, close: () => new Promise<void>((resolve) => void server.close(() => resolve())) };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => void chunks.push(chunk));
    request.on('end', () => {
      if (proxy.down) return void response.destroy();
      const body = Buffer.concat(chunks);
      fetch(target + (request.url ?? ''), {
        method: request.method ?? 'GET',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        ...(body.length > 0 ? { body } : {}),
      })
        .then(async (answer) => void response.writeHead(answer.status, { connection: 'close' }).end(await answer.text()))
        .catch(() => void response.destroy());
    });
  });
  proxy.url = await listen(server);
  return proxy;
}

/** Resolves with the server's address, on a free port. */
export function listen(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('no port');
      resolve(`http://127.0.0.1:${address.port}`);
    });
  });
}
