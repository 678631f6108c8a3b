/** What of a trace is sent, and where to. */
export interface TracingOptions {
  /** otlp: by OTLP over HTTP, as protobuf. console: to standard output, for a look at them. */
  readonly exporter: 'otlp' | 'console';
  /** Of a collector, such as http://localhost:4318/v1/traces; null: the exporter's default, or its own variables. */
  readonly url: string | null;
  /** For each request, such as an API key. */
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  /** Of Ravenhelm. */
  readonly version: string;
  /** Whether prompts, replies, arguments and outputs are sent, too. */
  readonly content: boolean;
}
