import { backoffMs, type Random } from '../domain/backoff.js';

/**
 * The circuit breaker of one endpoint, as a pure state machine: enter() decides whether a call is admitted, and
 * afterCall() applies how the call ended. The generation grows with each change of state;
 * the end of a call that was admitted in an earlier generation changes nothing.
 */
export type Circuit = Closed | Open | HalfOpen;

interface Closed {
  readonly state: 'closed';
  readonly generation: number;
  /** Consecutive failures. */
  readonly failures: number;
}

interface Open extends Tripped {
  readonly state: 'open';
  /** Monotonic time at which the next call is admitted. */
  readonly untilMs: number;
}

interface HalfOpen extends Tripped {
  readonly state: 'half_open';
  /** Whether the one call that tests the endpoint is running. */
  readonly probing: boolean;
}

interface Tripped {
  readonly generation: number;
  readonly failures: number;
  /** The message of the last failure. */
  readonly reason: string;
  /** How often the circuit has opened since it was last closed. */
  readonly openings: number;
  readonly openMs: number;
}

/** How a call ended, as far as the endpoint is concerned. */
export type CallEnd =
  /** The endpoint answered; a refusal is an answer too. */
  | { readonly kind: 'answered' }
  /** retryAfterMs: how long the server asks to wait; null when it did not say. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number | null }
  /** The caller gave up; that says nothing about the endpoint. */
  | { readonly kind: 'abandoned' };

export const CLOSED: Circuit = { state: 'closed', generation: 0, failures: 0 };

/** Consecutive failures that open the circuit. A call counts as one failure, however often it was retried. */
const FAILURES_TO_OPEN = 5;
/** The circuit first stays open for 50 to 100 % of baseMs; each further opening doubles that, up to maxMs. */
const REST = { baseMs: 20_000, maxMs: 300_000 };

/** Decides whether a call is admitted; returns the circuit after that decision. nowMs is monotonic. */
export function enter(circuit: Circuit, nowMs: number): { readonly admitted: boolean; readonly circuit: Circuit } {
  switch (circuit.state) {
    case 'closed':
      return { admitted: true, circuit };
    case 'open': {
      if (nowMs < circuit.untilMs) return { admitted: false, circuit };
      const { untilMs: _, ...tripped } = circuit;
      return {
        admitted: true,
        circuit: { ...tripped, state: 'half_open', generation: circuit.generation + 1, probing: true },
      };
    }
    case 'half_open':
      return circuit.probing
        ? { admitted: false, circuit }
        : { admitted: true, circuit: { ...circuit, probing: true } };
  }
}

/** Applies the end of a call that was admitted in the given generation. nowMs is monotonic. */
export function afterCall(circuit: Circuit, generation: number, end: CallEnd, nowMs: number, random: Random): Circuit {
  if (generation !== circuit.generation || circuit.state === 'open') return circuit;
  switch (end.kind) {
    case 'abandoned':
      return circuit.state === 'half_open' ? { ...circuit, probing: false } : circuit;
    case 'answered':
      return circuit.state === 'closed'
        ? { ...circuit, failures: 0 }
        : { state: 'closed', generation: generation + 1, failures: 0 };
    case 'failed': {
      const failures = circuit.failures + 1;
      if (circuit.state === 'closed' && failures < FAILURES_TO_OPEN) return { ...circuit, failures };
      const openings = circuit.state === 'closed' ? 1 : circuit.openings + 1;
      const openMs = restMs(openings, end.retryAfterMs, random);
      return {
        state: 'open',
        generation: generation + 1,
        failures,
        reason: end.reason,
        openings,
        openMs,
        untilMs: nowMs + openMs,
      };
    }
  }
}

/**
 * Half of the time is fixed: with full jitter an open circuit could admit the next call at once. A retry-after of zero
 * says nothing (the server has failed all the same), and a shorter one than a second is not worth a test.
 */
function restMs(openings: number, retryAfterMs: number | null, random: Random): number {
  if (retryAfterMs !== null && retryAfterMs > 0) return Math.round(Math.max(retryAfterMs, SHORTEST_REST_MS));
  const half = { baseMs: REST.baseMs / 2, maxMs: REST.maxMs / 2 };
  return Math.round(backoffMs(openings, half, () => 1) + backoffMs(openings, half, random));
}

const SHORTEST_REST_MS = 1_000;
