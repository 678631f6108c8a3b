/** How the process that runs the roles is doing. Told to watchers in heartbeats; nothing is decided by it. */
export interface ProcessVitals {
  /** What is known now; cheap. */
  read(): VitalsReading;
}

export interface VitalsReading {
  /** Resident memory, in bytes. */
  readonly memoryBytes: number;
  /** What of the JavaScript heap is used, in bytes. */
  readonly heapUsedBytes: number;
  /** How much later than due the event loop ran timers in the last whole interval, in milliseconds. */
  readonly loopDelayMs: { readonly mean: number; readonly p99: number; readonly max: number };
}
