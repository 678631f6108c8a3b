import { otlpMetricsSettings, OtlpSettingWrong, sendsByOtlp } from '../../src/telemetry/otlp-settings.js';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' };
const wrongVariable = (environment: Record<string, string>): string | null => {
  try {
    otlpMetricsSettings(environment);
    return null;
  } catch (error) {
    if (error instanceof OtlpSettingWrong) return error.variable;
    throw error;
  }
};

test('metrics are sent where an endpoint or the exporter is named, and nothing switches that off', () => {
  const sent = (environment: Record<string, string>) => otlpMetricsSettings(environment) !== null;
  expect(sent({})).toBe(false);
  expect(sent({ OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBe(false);
  expect(sent(ENDPOINT)).toBe(true);
  expect(sent({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://collector.example.net/v1/metrics' })).toBe(true);
  expect(sent({ OTEL_METRICS_EXPORTER: 'otlp' })).toBe(true);
  expect(sent({ ...ENDPOINT, OTEL_METRICS_EXPORTER: 'none' })).toBe(false);
  expect(sent({ ...ENDPOINT, OTEL_SDK_DISABLED: 'true' })).toBe(false);
  expect(sent({ ...ENDPOINT, OTEL_SDK_DISABLED: 'false' })).toBe(true);
});

test('each signal has its own names', () => {
  const traces = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' };
  expect([sendsByOtlp(traces, 'traces'), sendsByOtlp(traces, 'metrics')]).toEqual([true, false]);
  const off = { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' };
  expect([sendsByOtlp(off, 'traces'), sendsByOtlp(off, 'metrics')]).toEqual([false, true]);
});

test('the interval is a minute unless it is set; a collection takes no longer', () => {
  expect(otlpMetricsSettings(ENDPOINT)).toEqual({ intervalMs: 60_000, timeoutMs: 30_000 });
  const often = { ...ENDPOINT, OTEL_METRIC_EXPORT_INTERVAL: '5000' };
  expect(otlpMetricsSettings(often)).toEqual({ intervalMs: 5_000, timeoutMs: 5_000 });
  const quick = { ...ENDPOINT, OTEL_METRIC_EXPORT_TIMEOUT: '200' };
  expect(otlpMetricsSettings(quick)).toEqual({ intervalMs: 60_000, timeoutMs: 200 });
});

test.each([
  ['OTEL_METRIC_EXPORT_INTERVAL', '5 s'],
  ['OTEL_METRIC_EXPORT_INTERVAL', '0'],
  ['OTEL_METRIC_EXPORT_INTERVAL', '2147483648'],
  ['OTEL_METRIC_EXPORT_TIMEOUT', '-1'],
  ['OTEL_EXPORTER_OTLP_TIMEOUT', 'soon'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', '127.0.0.1:4318'],
  ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'ftp://127.0.0.1'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'http/json'],
  ['OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE', 'delta'],
  ['OTEL_METRICS_EXPORTER', 'prometheus'],
  ['OTEL_SDK_DISABLED', 'yes'],
])('%s=%s is refused by its name', (name, text) => {
  expect(wrongVariable({ ...ENDPOINT, [name]: text })).toBe(name);
});

test("the signal's own protocol counts", () => {
  const own = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf' };
  expect(wrongVariable({ ...ENDPOINT, ...own })).toBeNull();
});

test('what is wrong does not matter where nothing is sent', () => {
  expect(wrongVariable({ OTEL_METRICS_EXPORTER: 'none', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toBeNull();
});
