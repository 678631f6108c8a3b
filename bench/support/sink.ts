/** A collector that takes every trace and does nothing with it, in the bench's own process. */
import { createServer } from 'node:http';
import { serve, type LoopbackServer } from '../../test/support/loopback.js';

export type Sink = LoopbackServer;

export function startSink(): Promise<Sink> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  });
  return serve(server);
}

/** The environment of a role that sends its traces there; null: it sends none. */
export const tracesTo = (sink: Sink | null): Record<string, string> =>
  sink === null ? {} : { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${sink.url}/v1/traces` };
