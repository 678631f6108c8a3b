/** Measurements of the process that runs the roles. Heartbeats report them; no decision depends on them. */
export interface ProcessVitals {
  /** The current values; cheap to call. */
  read(): VitalsReading;
}

export interface VitalsReading {
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** Used JavaScript heap, in bytes. */
  readonly heapUsedBytes: number;
  /** How late the event loop ran timers in the last complete interval, in milliseconds. */
  readonly loopDelayMs: { readonly mean: number; readonly p99: number; readonly max: number };
}
