/** What this process says of its health: /livez, /readyz and /metrics, where an address is given for them. */
import { noMetrics, type Metrics } from '../ports/metrics.js';
import type { ProcessVitals } from '../ports/vitals.js';
import type { Role } from '../roles/shared/role.js';
import { openHttpEndpoint, type HttpAccess, type Verdict } from '../telemetry/http-endpoint.js';
import type { FileRoute } from '../telemetry/http-files.js';
import { createProcessVitals } from '../telemetry/process-vitals.js';
import { createPrometheus } from '../telemetry/prometheus.js';
import type { OtlpMetricsSettings } from '../telemetry/otlp-settings.js';
import type { SwarmContext } from './context.js';

export interface ProcessHealth {
  /** Where it is served; null: nowhere. */
  readonly url: string | null;
  /** host:port, as other processes reach it; null: it is served nowhere. */
  readonly advertised: string | null;
  readonly metrics: Metrics;
  readonly vitals: ProcessVitals;
  /** The roles of this process, once there are some; before that it is not ready. */
  watch(roles: readonly Role[]): void;
  /** It ends: not ready any more. */
  drain(): void;
  close(): Promise<void>;
}

/** Where it is served. */
export interface HealthAccess extends HttpAccess {
  /** Of Ravenhelm, for the metrics. */
  readonly version: string;
}

/** An event loop that is so late on average does no work worth mentioning, in milliseconds. */
const STUCK_MS = 1_000;

/** Where metrics are sent by OTLP besides. */
export interface SentMetrics extends OtlpMetricsSettings {
  /** Of Ravenhelm. */
  readonly version: string;
}

type HealthContext = Pick<SwarmContext, 'redact' | 'logger' | 'clock' | 'processName'>;

export interface HealthOptions {
  /** Where it is served; null: nowhere. */
  readonly access: HealthAccess | null;
  /** null: metrics are not sent. */
  readonly otlp: SentMetrics | null;
  readonly files: readonly FileRoute[];
}

/**
 * Opens the endpoint where an address is given, and sends metrics where that is set. Rejects with HttpAddressUnusable.
 */
export async function openProcessHealth(
  context: HealthContext,
  { access, otlp, files }: HealthOptions,
): Promise<ProcessHealth> {
  const { redact, logger } = context;
  const vitals = createProcessVitals();
  let roles: readonly Role[] | null = null;
  let draining = false;

  const live = (): Verdict => {
    const { mean } = vitals.read().loopDelayMs;
    return {
      reasons: [
        ...(mean >= STUCK_MS ? [`the event loop is ${Math.round(mean)} ms late on average`] : []),
        ...(roles ?? []).flatMap((role) => role.health().stalled),
      ],
    };
  };
  const ready = (): Verdict => {
    if (draining) return { reasons: ['the process is draining'] };
    return { reasons: roles === null ? ['the process is starting'] : roles.flatMap((role) => role.health().missing) };
  };

  const redacted = ({ reasons }: Verdict): Verdict => ({ reasons: reasons.map(redact) });
  const version = access?.version ?? otlp?.version ?? null;
  const startSending = otlp === null ? null : (await import('../telemetry/otlp-metrics.js')).startOtlpMetrics;
  const readings = () => (roles ?? []).flatMap((role) => role.readings());
  const prometheus = version === null ? null : createPrometheus({ version, readings });
  const endpoint =
    access === null || prometheus === null
      ? null
      : await openHttpEndpoint({
          ...access,
          live: () => redacted(live()),
          ready: () => redacted(ready()),
          metrics: prometheus,
          files,
          failed: (error) => logger.error({ error }, 'http.answer_failed'),
        });
  const sent = otlp === null || prometheus === null ? null : startSending?.({ ...context, ...otlp, ...prometheus });
  return {
    url: endpoint?.url ?? null,
    advertised: endpoint?.advertised ?? null,
    metrics: prometheus?.metrics ?? noMetrics,
    vitals,
    watch(running) {
      roles = running;
    },
    drain() {
      draining = true;
    },
    async close() {
      await Promise.all([endpoint?.close(), sent?.close()]);
      vitals.stop();
    },
  };
}
