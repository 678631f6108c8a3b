/**
 * Sends what /metrics serves by OTLP, too. Loaded only where the settings ask for it, because OpenTelemetry's packages
 * take a while to load.
 */
import { ExportResultCode } from '@opentelemetry/core';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import {
  MeterProvider,
  PeriodicExportingMetricReader,
  type CollectionResult,
  type MetricProducer,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import type { HrTime } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import type { Registry } from 'prom-client';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { otlpMetricData } from './otlp-metric-data.js';
import { otlpResource, type OtlpSender } from './otlp-resource.js';
import type { OtlpMetricsSettings } from './otlp-settings.js';

export interface OtlpMetrics {
  /** Sends the last values. Resolves when they are sent, or the server has not taken them in a second or two. */
  close(): Promise<void>;
}

export interface OtlpMetricsOptions extends OtlpMetricsSettings, OtlpSender {
  readonly registry: Pick<Registry, 'getMetricsAsJSON'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A process that ends waits no longer for the server. */
const LAST_MS = 1_500;
/** The same while the server is known to be down. */
const LAST_WHEN_DOWN_MS = 500;

/** The exporter reads endpoint, headers, certificates and the timeout of a request from the environment. */
export function startOtlpMetrics(options: OtlpMetricsOptions): OtlpMetrics {
  const { clock, logger, intervalMs, timeoutMs } = options;
  const resource = otlpResource(options);
  const outages = createOutages(logger);
  const reader = new PeriodicExportingMetricReader({
    exporter: reporting(new OTLPMetricExporter(), outages),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    metricProducers: [producerOf(options, resource)],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return {
    async close() {
      const shutdown = provider.shutdown();
      shutdown.catch(() => undefined); // what was not sent has been logged
      await new Promise<void>((resolve) => {
        const timer = clock.setTimer(outages.isDown() ? LAST_WHEN_DOWN_MS : LAST_MS, resolve);
        const done = () => {
          timer.cancel();
          resolve();
        };
        shutdown.then(done, done);
      });
    },
  };
}

function producerOf({ registry, version, clock }: OtlpMetricsOptions, resource: Resource): MetricProducer {
  const startTime = hrTimeOf(clock.now());
  return {
    async collect(): Promise<CollectionResult> {
      const collected = await registry.getMetricsAsJSON();
      const metrics = otlpMetricData(collected, { startTime, endTime: hrTimeOf(clock.now()) });
      return {
        resourceMetrics: { resource, scopeMetrics: [{ scope: { name: 'ravenhelm', version }, metrics }] },
        errors: [],
      };
    },
  };
}

const hrTimeOf = (ms: number): HrTime => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];

interface Outages {
  onSent(): void;
  onFailed(error: unknown): void;
  isDown(): boolean;
}

/** One warning for each outage: an interval may be a second, and an outage a day. */
function createOutages(logger: Logger): Outages {
  let down = false;
  return {
    onSent() {
      if (down) logger.info({}, 'otlp.metrics_sent_again');
      down = false;
    },
    onFailed(error) {
      if (!down) logger.warn({ err: error }, 'otlp.metrics_not_sent');
      down = true;
    },
    isDown: () => down,
  };
}

/** The same exporter; says how each export ended. */
function reporting(exporter: OTLPMetricExporter, outages: Outages): PushMetricExporter {
  return {
    export: (metrics, done) =>
      exporter.export(metrics, (result) => {
        if (result.code === ExportResultCode.SUCCESS) outages.onSent();
        else outages.onFailed(result.error);
        done(result);
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
    selectAggregation: (type) => exporter.selectAggregation(type),
    selectAggregationTemporality: (type) => exporter.selectAggregationTemporality(type),
  };
}
