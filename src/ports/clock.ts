/** Time, ids and randomness come in through this port, so that a simulation can own them. */
export interface Clock {
  /** Milliseconds since the epoch; may jump. For timestamps only. */
  now(): number;
  /** Milliseconds of a clock that never jumps. For durations and deadlines. */
  monotonicMs(): number;
  /** Calls back once, after at least delayMs. */
  setTimer(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

export interface Ids {
  /** A new UUID. */
  uuid(): string;
}
