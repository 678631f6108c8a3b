/** A server that takes metrics and traces by OTLP, as a collector does, and what it was sent. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { serve, type LoopbackServer } from '../loopback.js';
import { metricsOf, spansOf, type Metric, type Span } from './data.js';
import { decodeMetricsRequest, decodeTraceRequest } from './protobuf.js';

export interface OtlpServer extends LoopbackServer {
  /** The metrics of each request that was answered with 200, oldest first. */
  readonly received: readonly (readonly Metric[])[];
  /** The spans of requests that were answered with 200, in the order in which they came. */
  readonly spans: readonly Span[];
  /** Headers of the last request. */
  headers(): IncomingHttpHeaders;
  /** Path and content type of the last one. */
  last(): readonly [string, string];
  /** From now on it answers with this status. */
  answer(status: number): void;
  /** Requests of any kind. */
  asked(): number;
}

export async function createOtlpServer(): Promise<OtlpServer> {
  const received: (readonly Metric[])[] = [];
  const spans: Span[] = [];
  let headers: IncomingHttpHeaders = {};
  let last: readonly [string, string] = ['', ''];
  let status = 200;
  let asked = 0;
  const server = createServer((request, response) => void answer(request, response));
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    asked += 1;
    ({ headers } = request);
    last = [request.url ?? '', request.headers['content-type'] ?? ''];
    if (status === 200) {
      const bytes = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      if (request.url === '/v1/traces') spans.push(...spansOf(decodeTraceRequest(bytes)));
      else received.push(metricsOf(decodeMetricsRequest(bytes)));
    }
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
  }
  return {
    ...(await serve(server)),
    received,
    spans,
    headers: () => headers,
    last: () => last,
    answer: (next) => void (status = next),
    asked: () => asked,
  };
}
