import { createServer, type OutgoingHttpHeaders } from 'node:http';
import { testBroker } from '../../support/broker.js';
import { listen } from '../../support/loopback.js';

export interface OwnAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

export interface Gateway {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * In front of the tests' registry. @param answers null: the registry answers; paths are those of the Confluent API
 */
export async function startGateway(answers: (method: string, path: string) => OwnAnswer | null): Promise<Gateway> {
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/' } = request;
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => void parts.push(part));
    request.on('end', () => {
      const own = answers(method, new URL(url, 'http://gateway').pathname);
      if (own !== null)
        return void response
          .writeHead(own.status, { 'content-type': 'application/json', connection: 'close', ...own.headers })
          .end(own.body);
      const body = Buffer.concat(parts);
      fetch(testBroker().registryUrl + url, {
        method,
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        ...(body.length > 0 ? { body } : {}),
      }).then(
        async (answer) => void response.writeHead(answer.status, { connection: 'close' }).end(await answer.text()),
        () => void response.destroy(),
      );
    });
  });
  return { url: await listen(server), close: () => new Promise((resolve) => void server.close(() => resolve())) };
}
