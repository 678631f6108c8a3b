/** What this process says of its health: /livez, /readyz and /metrics, where an address is given for them. */
import type { Redact } from '../domain/redaction.js';
import type { Logger } from '../ports/logger.js';
import { noMetrics, type Metrics } from '../ports/metrics.js';
import type { ProcessVitals } from '../ports/vitals.js';
import type { Role } from '../roles/shared/role.js';
import { openHttpEndpoint, type HttpAccess, type Verdict } from '../telemetry/http-endpoint.js';
import type { FileRoute } from '../telemetry/http-files.js';
import { createProcessVitals } from '../telemetry/process-vitals.js';
import { createPrometheus } from '../telemetry/prometheus.js';

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

/** Opens the endpoint where an address is given. Rejects with HttpAddressUnusable. */
export async function openProcessHealth(
  access: HealthAccess | null,
  { redact, logger }: { readonly redact: Redact; readonly logger: Logger },
  files: readonly FileRoute[] = [],
): Promise<ProcessHealth> {
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
  const prometheus =
    access === null
      ? null
      : createPrometheus({
          version: access.version,
          readings: () => (roles ?? []).flatMap((role) => role.readings()),
        });
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
      await endpoint?.close();
      vitals.stop();
    },
  };
}
