import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProcessVitals, VitalsReading } from '../ports/vitals.js';

const RESOLUTION_MS = 50;
const INTERVAL_MS = 5_000;
const NANOSECONDS_PER_MS = 1e6;

/** Measures this process's memory and event loop until stop(). It does not keep the process running. */
export function createProcessVitals(): ProcessVitals & { stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  /** The delays of the last complete interval; null during the first one. */
  let last: VitalsReading['loopDelayMs'] | null = null;
  const interval = setInterval(() => {
    last = delays();
    histogram.reset();
  }, INTERVAL_MS);
  interval.unref();

  /** Node measures the time from tick to tick, which equals the resolution if nothing is late. */
  const late = (nanoseconds: number) =>
    Number.isFinite(nanoseconds)
      ? Math.max(0, Math.round((nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS) * 10) / 10)
      : 0;
  const delays = () =>
    histogram.count === 0
      ? { mean: 0, p99: 0, max: 0 }
      : { mean: late(histogram.mean), p99: late(histogram.percentile(99)), max: late(histogram.max) };

  return {
    read() {
      const { rss, heapUsed } = process.memoryUsage();
      return { memoryBytes: rss, heapUsedBytes: heapUsed, loopDelayMs: last ?? delays() };
    },
    stop() {
      clearInterval(interval);
      histogram.disable();
    },
  };
}
