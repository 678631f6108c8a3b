/** Gauges that say how the roles are at the moment of the collection. */
import { Gauge, type Registry } from 'prom-client';
import { STATE_GAUGES, type Reading, type StateGauge } from '../ports/metrics.js';
import { METRICS } from './metric-catalog.js';

/** Of readings with the same labels the greatest counts; of all others the sum. */
const GREATEST: ReadonlySet<StateGauge> = new Set(['longestWait', 'budgetUsedRatio']);

export function registerReadings(registry: Registry, readings: () => readonly Reading[]): void {
  const read = onceATurn(readings);
  for (const key of STATE_GAUGES) {
    const { name, help, labels } = METRICS[key];
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      registers: [registry],
      collect() {
        this.reset();
        for (const reading of combined(key, read())) this.set({ ...reading.labels }, reading.value);
      },
    });
  }
}

/** A registry collects all of its gauges in the same turn: the roles are asked once, and the values fit together. */
function onceATurn(readings: () => readonly Reading[]): () => readonly Reading[] {
  let last: readonly Reading[] | null = null;
  return () => {
    if (last !== null) return last;
    queueMicrotask(() => {
      last = null;
    });
    last = readings();
    return last;
  };
}

/** One reading for each combination of labels. */
function combined(gauge: StateGauge, readings: readonly Reading[]): Iterable<Reading> {
  const byLabels = new Map<string, Reading>();
  for (const reading of readings) {
    if (reading.gauge !== gauge) continue;
    const key = JSON.stringify(reading.labels);
    const known = byLabels.get(key);
    const value = known === undefined ? reading.value : together(gauge, known.value, reading.value);
    byLabels.set(key, { ...reading, value });
  }
  return byLabels.values();
}

const together = (gauge: StateGauge, a: number, b: number): number => (GREATEST.has(gauge) ? Math.max(a, b) : a + b);
