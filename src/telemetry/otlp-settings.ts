/**
 * The settings of OpenTelemetry that say whether and how often something is sent, under their standard names
 * (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Endpoint, headers, certificates
 * and the timeout of a request are read by the exporters themselves; here they are only checked.
 */
export type OtlpSignal = 'metrics' | 'traces';

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable has a value that cannot be used. */
export class OtlpSettingWrong extends Error {
  readonly code = 'otlp_setting';
  readonly retriable = false;

  /** @param expected what it may be */
  constructor(
    readonly variable: string,
    value: string,
    readonly expected: string,
  ) {
    super(`${variable} is ${JSON.stringify(value)}, which is not ${expected}`);
    this.name = 'OtlpSettingWrong';
  }
}

/**
 * Whether a signal is to be sent by OTLP: its exporter is otlp, or none is named and an endpoint is. Throws
 * OtlpSettingWrong.
 */
export function sendsByOtlp(environment: Environment, signal: OtlpSignal): boolean {
  const own = signal.toUpperCase();
  if (flag(environment, 'OTEL_SDK_DISABLED')) return false;
  const exporter = value(environment, `OTEL_${own}_EXPORTER`);
  if (exporter !== null && exporter !== 'otlp' && exporter !== 'none')
    throw new OtlpSettingWrong(
      `OTEL_${own}_EXPORTER`,
      exporter,
      signal === 'traces' ? 'otlp, console or none' : 'otlp or none',
    );
  if (exporter === 'none') return false;
  const endpoints = [`OTEL_EXPORTER_OTLP_${own}_ENDPOINT`, 'OTEL_EXPORTER_OTLP_ENDPOINT'];
  if (exporter === null && endpoints.every((name) => value(environment, name) === null)) return false;
  for (const name of endpoints) requireUrl(environment, name);
  for (const name of [`OTEL_EXPORTER_OTLP_${own}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL']) {
    const protocol = value(environment, name);
    if (protocol === null) continue;
    if (protocol !== 'http/protobuf') throw new OtlpSettingWrong(name, protocol, 'http/protobuf, the only one here');
    break; // the signal's own one counts
  }
  for (const name of [`OTEL_EXPORTER_OTLP_${own}_TIMEOUT`, 'OTEL_EXPORTER_OTLP_TIMEOUT'])
    milliseconds(environment, name);
  return true;
}

/** How traces are sent; null: they are not. Throws OtlpSettingWrong. */
export function tracesExporter(environment: Environment): 'otlp' | 'console' | null {
  const off = flag(environment, 'OTEL_SDK_DISABLED');
  if (!off && value(environment, 'OTEL_TRACES_EXPORTER') === 'console') return 'console';
  return sendsByOtlp(environment, 'traces') ? 'otlp' : null;
}

/** When metrics are sent, in milliseconds. */
export interface OtlpMetricsSettings {
  readonly intervalMs: number;
  /** For one collection and its request; at most the interval. */
  readonly timeoutMs: number;
}

const DEFAULT_INTERVAL_MS = 60_000;
const DEFAULT_TIMEOUT_MS = 30_000;
/** Timers of the platform take no longer ones. */
const LONGEST_MS = 2 ** 31 - 1;

/** null: metrics are not sent. Throws OtlpSettingWrong. */
export function otlpMetricsSettings(environment: Environment): OtlpMetricsSettings | null {
  if (!sendsByOtlp(environment, 'metrics')) return null;
  const temporality = value(environment, 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE');
  if (temporality !== null && temporality.toLowerCase() !== 'cumulative')
    throw new OtlpSettingWrong(
      'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE',
      temporality,
      'cumulative, the only one here',
    );
  const intervalMs = milliseconds(environment, 'OTEL_METRIC_EXPORT_INTERVAL') ?? DEFAULT_INTERVAL_MS;
  const timeoutMs = milliseconds(environment, 'OTEL_METRIC_EXPORT_TIMEOUT') ?? DEFAULT_TIMEOUT_MS;
  return { intervalMs, timeoutMs: Math.min(intervalMs, timeoutMs) };
}

/** null: not set; the specification reads an empty value as none. */
function value(environment: Environment, name: string): string | null {
  const text = environment[name]?.trim() ?? '';
  return text === '' ? null : text;
}

function flag(environment: Environment, name: string): boolean {
  const text = value(environment, name);
  if (text === null) return false;
  const word = text.toLowerCase();
  if (word !== 'true' && word !== 'false') throw new OtlpSettingWrong(name, text, 'true or false');
  return word === 'true';
}

function requireUrl(environment: Environment, name: string): void {
  const text = value(environment, name);
  if (text === null) return;
  const { protocol } = URL.canParse(text) ? new URL(text) : { protocol: null };
  if (protocol !== 'http:' && protocol !== 'https:')
    throw new OtlpSettingWrong(name, text, 'an http or https address, such as http://127.0.0.1:4318');
}

function milliseconds(environment: Environment, name: string): number | null {
  const text = value(environment, name);
  if (text === null) return null;
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= 1 && number <= LONGEST_MS))
    throw new OtlpSettingWrong(name, text, `a whole number of milliseconds from 1 to ${LONGEST_MS}`);
  return number;
}
