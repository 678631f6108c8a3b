import type { CircuitStateName } from './metrics.js';

/** A circuit breaker has changed its state. */
export interface CircuitChange {
  /** Provider and address, such as "ollama at http://127.0.0.1:11434". */
  readonly endpoint: string;
  /** Name of the model whose call changed the state. */
  readonly model: string;
  readonly from: CircuitStateName;
  readonly to: CircuitStateName;
  /** The failure that opened it, or why it closed. */
  readonly reason: string;
  /** Consecutive failures. */
  readonly failures: number;
  /** How long no call is sent, in milliseconds; 0 unless the circuit opened. */
  readonly openMs: number;
}

export type CircuitListener = (change: CircuitChange) => void;

/** News of a process's circuit breakers. */
export interface CircuitNews {
  /** @returns how to stop it */
  subscribe(listener: CircuitListener): () => void;
}
