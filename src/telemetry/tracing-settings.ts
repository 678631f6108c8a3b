/** What of a trace is sent, and where to. What is absent is as OTEL_* variables or the exporter's defaults have it. */
export interface TracingOptions {
  /** otlp: by OTLP over HTTP, as protobuf. console: to standard output, for a look at them. */
  readonly exporter: 'otlp' | 'console';
  /** Of Ravenhelm. */
  readonly version: string;
  /** Whether briefs, replies, arguments and outputs are sent, too. */
  readonly content: boolean;
  /** Of a collector, such as http://localhost:4318/v1/traces. */
  readonly url?: string;
  /** For each request, such as an API key. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly serviceName?: string;
}
