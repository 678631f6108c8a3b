/** A server that takes metrics and traces by OTLP, as a collector does, and what it was sent. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import protobuf from 'protobufjs';

/** What of opentelemetry-proto (v1) is read here; its field numbers never change. */
const PROTO = `
syntax = "proto3";
message ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeMetrics { Scope scope = 1; repeated Metric metrics = 2; }
message Scope { string name = 1; string version = 2; }
message Metric {
  string name = 1; string description = 2; string unit = 3;
  oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; }
}
message Gauge { repeated NumberDataPoint data_points = 1; }
message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message NumberDataPoint {
  repeated KeyValue attributes = 7; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  oneof value { double as_double = 4; sfixed64 as_int = 6; }
}
message HistogramDataPoint {
  repeated KeyValue attributes = 9; fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
  fixed64 count = 4; optional double sum = 5; repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7;
}
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { Scope scope = 1; repeated Span spans = 2; }
message Span {
  bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; int32 kind = 6;
  fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Event events = 11; Status status = 15;
}
message Event { fixed64 time_unix_nano = 1; string name = 2; repeated KeyValue attributes = 3; }
message Status { string message = 2; int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue {
  oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; }
}
`;

type Value = {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string;
  readonly doubleValue?: number;
};
interface Attributes {
  readonly attributes?: readonly { readonly key: string; readonly value: Value }[];
}
interface Point extends Attributes {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asDouble?: number;
}
interface HistogramPoint extends Point {
  readonly count: string;
  readonly sum: number;
  readonly bucketCounts: readonly string[];
  readonly explicitBounds: readonly number[];
}
export interface SentMetric {
  readonly name: string;
  readonly description: string;
  readonly unit?: string;
  readonly gauge?: { readonly dataPoints?: readonly Point[] };
  readonly sum?: {
    readonly dataPoints?: readonly Point[];
    readonly aggregationTemporality: number;
    readonly isMonotonic: boolean;
  };
  readonly histogram?: { readonly dataPoints?: readonly HistogramPoint[]; readonly aggregationTemporality: number };
}
export interface SentSpan extends Attributes {
  /** In hex, as the other ids. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly events?: readonly ({ readonly name: string } & Attributes)[];
  readonly status?: { readonly code?: number; readonly message?: string };
  /** Of the process that sent it. */
  readonly resource: Record<string, string>;
}
interface TraceRequest {
  readonly resourceSpans: readonly {
    readonly resource: Attributes;
    readonly scopeSpans: readonly { readonly spans: readonly Omit<SentSpan, 'resource'>[] }[];
  }[];
}
interface Request {
  readonly resourceMetrics: readonly {
    readonly resource: Attributes;
    readonly scopeMetrics: readonly { readonly scope: { readonly name: string }; readonly metrics: SentMetric[] }[];
  }[];
}

export const labelsOf = ({ attributes = [] }: Attributes): Record<string, string> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? '']));

/** Of any type. */
export const attributesOf = ({ attributes = [] }: Attributes): Record<string, string | number | boolean | undefined> =>
  Object.fromEntries(
    attributes.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue)),
    ]),
  );

export interface OtlpServer {
  readonly url: string;
  /** The requests with metrics that were answered with 200, oldest first. */
  readonly received: readonly Request[];
  /** The spans of requests that were answered with 200, in the order in which they came. */
  readonly spans: readonly SentSpan[];
  /** Headers of the last request. */
  headers(): IncomingHttpHeaders;
  /** Path and content type of the last one. */
  last(): readonly [string, string];
  /** From now on it answers with this status. */
  answer(status: number): void;
  /** Requests of any kind. */
  asked(): number;
  close(): Promise<void>;
}

export async function createOtlpServer(): Promise<OtlpServer> {
  const type = protobuf.parse(PROTO).root.lookupType('ExportMetricsServiceRequest');
  const traces = protobuf.parse(PROTO).root.lookupType('ExportTraceServiceRequest');
  const received: Request[] = [];
  const spans: SentSpan[] = [];
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
      if (request.url === '/v1/traces') spans.push(...spansOf(traces, bytes));
      else received.push(type.toObject(type.decode(bytes), { longs: String, arrays: true, oneofs: false }) as Request);
    }
    response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end();
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('it listens on a port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    spans,
    headers: () => headers,
    last: () => last,
    answer: (next) => void (status = next),
    asked: () => asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function spansOf(type: protobuf.Type, bytes: Buffer): SentSpan[] {
  const request = type.toObject(type.decode(bytes), { longs: String, bytes: Buffer, arrays: true }) as TraceRequest;
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        ...span,
        traceId: Buffer.from(span.traceId).toString('hex'),
        spanId: Buffer.from(span.spanId).toString('hex'),
        parentSpanId: Buffer.from(span.parentSpanId ?? '').toString('hex'),
        resource: labelsOf(resource),
      })),
    ),
  );
}
