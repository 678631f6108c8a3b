import type { Metrics } from '../../src/ports/metrics.js';
import type { Role } from '../../src/roles/shared/role.js';
import { createPrometheus } from '../../src/telemetry/prometheus.js';

/** The metrics of one process, as its /metrics serves them. */
export interface MeasuredProcess {
  readonly metrics: Metrics;
  /** Its roles, as a process's health knows them. */
  watch(...roles: readonly Role[]): void;
  /** The value of a series, such as name{label="value"}; null: there is none. */
  value(series: string): Promise<number | null>;
  text(): Promise<string>;
}

export function createMeasuredProcess(): MeasuredProcess {
  let roles: readonly Role[] = [];
  const { metrics, text } = createPrometheus({
    version: '1.2.3',
    readings: () => roles.flatMap((role) => role.readings()),
  });
  return {
    metrics,
    text,
    watch(...watched) {
      roles = watched;
    },
    async value(series) {
      const line = (await text()).split('\n').find((each) => each.startsWith(`${series} `));
      return line === undefined ? null : Number(line.slice(series.length + 1));
    },
  };
}

/** Over all processes of a swarm, as Prometheus would add them up. */
export async function sumOf(processes: readonly MeasuredProcess[], series: string): Promise<number> {
  const values = await Promise.all(processes.map((each) => each.value(series)));
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
