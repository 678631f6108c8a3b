import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { ProcessVitals, VitalsReading } from '../ports/vitals.js';

const RESOLUTION_MS = 50;
const INTERVAL_MS = 5_000;
const NANOSECONDS_PER_MS = 1e6;

/** This process's memory and event loop; measures until stop(). Does not keep the process running. */
export function createProcessVitals(): ProcessVitals & { stop(): void } {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  /** Of the last whole interval; null in the first one. */
  let last: VitalsReading['loopDelayMs'] | null = null;
  const interval = setInterval(() => {
    last = delays();
    histogram.reset();
  }, INTERVAL_MS);
  interval.unref();

  /** node counts the time from tick to tick, which is the resolution where nothing is late. */
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
