/** A collector that takes every trace and does nothing with it, in the bench's own process. */
import { once } from 'node:events';
import { createServer } from 'node:http';

export interface Sink {
  readonly url: string;
  close(): Promise<void>;
}

export async function startSink(): Promise<Sink> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('it listens on a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The environment of a role that sends its traces there; null: it sends none. */
export const tracesTo = (sink: Sink | null): Record<string, string> =>
  sink === null ? {} : { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${sink.url}/v1/traces` };
