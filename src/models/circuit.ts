import { backoffMs, type Random } from '../domain/backoff.js';

/**
 * The circuit breaker of one endpoint as a machine without a clock: what it does with a call, and what a call's end
 * does with it. A generation is the time between two changes; the end of a call from an earlier one changes nothing.
 */
export type Circuit =
  | { readonly state: 'closed'; readonly generation: number /** In a row. */; readonly failures: number }
  | ({ readonly state: 'open' /** Monotonic. */; readonly untilMs: number } & Tripped)
  | ({
      readonly state: 'half_open' /** Whether a call is under way that finds out. */;
      readonly probing: boolean;
    } & Tripped);

interface Tripped {
  readonly generation: number;
  readonly failures: number;
  /** The last failure, in its own words. */
  readonly reason: string;
  /** How often it has opened since it was last closed. */
  readonly openings: number;
  readonly openMs: number;
}

/** How a call ended, as far as its endpoint is concerned. */
export type CallEnd =
  /** It got an answer, be it a refusal: the endpoint is there. */
  | { readonly kind: 'answered' }
  /** retryAfterMs: when the server wants to be asked again; null when it did not say. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number | null }
  /** The caller gave up, which says nothing. */
  | { readonly kind: 'abandoned' };

export const CLOSED: Circuit = { state: 'closed', generation: 0, failures: 0 };

/** Failures in a row that open it; each is a whole call, its tries again included. */
export const FAILURES_TO_OPEN = 5;
/** The first rest lasts half of this to all of it, the second up to twice as long, and so on up to the longest. */
export const REST = { baseMs: 20_000, maxMs: 300_000 };

/** A call wants to go through: whether it may, and the circuit after that. */
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

/** A call has ended that was admitted in this generation. */
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

/** Half of it is certain: a rest that chance makes nothing of would be none. */
function restMs(openings: number, retryAfterMs: number | null, random: Random): number {
  const half = { baseMs: REST.baseMs / 2, maxMs: REST.maxMs / 2 };
  return Math.round(retryAfterMs ?? backoffMs(openings, half, () => 1) + backoffMs(openings, half, random));
}
