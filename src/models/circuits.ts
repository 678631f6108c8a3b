import type { Random } from '../domain/backoff.js';
import type { Clock } from '../ports/clock.js';
import type { CircuitChange, CircuitListener, CircuitNews } from '../ports/circuits.js';
import type { Metrics } from '../ports/metrics.js';
import { ModelError, type ChatModel } from '../ports/model.js';
import { afterCall, CLOSED, enter, type CallEnd, type Circuit } from './circuit.js';

/** The circuit breakers of a process: one for each endpoint, shared by every agent and model that calls it. */
export interface Circuits extends CircuitNews {
  /** Wraps a model. While the circuit is open, its calls reject at once with a ModelError of code resting. */
  guard(endpoint: string, model: ChatModel): ChatModel;
}

export interface CircuitsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly metrics: Metrics;
}

/**
 * Written here because no library accepts a clock: cockatiel measures with Date.now, which can jump, and opossum with
 * its own timer.
 */
export function createCircuits(options: CircuitsOptions): Circuits {
  const listeners = new Set<CircuitListener>();
  const circuits = new Map<string, (model: ChatModel) => ChatModel>();
  const publish = (change: CircuitChange) => {
    options.metrics.circuitState(change.endpoint, change.to);
    for (const listener of listeners) listener(change);
  };
  return {
    guard(endpoint, model) {
      const guard = circuits.get(endpoint) ?? createGuard(endpoint, options, publish);
      circuits.set(endpoint, guard);
      return guard(model);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function createGuard(
  endpoint: string,
  { clock, random, metrics }: CircuitsOptions,
  publish: CircuitListener,
): (model: ChatModel) => ChatModel {
  let circuit: Circuit = CLOSED;
  metrics.circuitState(endpoint, circuit.state);

  const become = (next: Circuit, model: string) => {
    const from = circuit.state;
    circuit = next;
    if (next.state === from) return;
    const tripped = next.state === 'closed' ? { reason: 'a call was answered', failures: 0 } : next;
    publish({
      endpoint,
      model,
      from,
      to: next.state,
      reason: tripped.reason,
      failures: tripped.failures,
      openMs: next.state === 'open' ? next.openMs : 0,
    });
  };

  return (model) => ({
    ...model,
    async chat(request, signal) {
      const entered = enter(circuit, clock.monotonicMs());
      if (!entered.admitted) throw resting(endpoint, model.name, circuit, clock);
      become(entered.circuit, model.name);
      const { generation } = circuit;
      let end: CallEnd = { kind: 'abandoned' };
      try {
        const reply = await model.chat(request, signal);
        end = { kind: 'answered' };
        return reply;
      } catch (error) {
        if (error instanceof ModelError) end = endOf(error);
        throw error;
      } finally {
        become(afterCall(circuit, generation, end, clock.monotonicMs(), random), model.name);
      }
    },
  });
}

/**
 * A retriable error is a failure of the endpoint. A refusal or an invalid reply shows that the endpoint answers. A call
 * that was not sent because the server asked to wait says nothing.
 */
function endOf(error: ModelError): CallEnd {
  if (error.code === 'resting') return { kind: 'abandoned' };
  return error.retriable
    ? { kind: 'failed', reason: error.message, retryAfterMs: error.retryAfterMs }
    : { kind: 'answered' };
}

function resting(endpoint: string, model: string, circuit: Circuit, clock: Clock): ModelError {
  if (circuit.state === 'closed') throw new TypeError(`the circuit of ${endpoint} is closed and admits every call`);
  const leftMs = circuit.state === 'open' ? Math.max(0, circuit.untilMs - clock.monotonicMs()) : 0;
  const until =
    circuit.state === 'open'
      ? `until ${new Date(clock.now() + leftMs).toISOString()}`
      : 'while one call tests whether it is available again';
  return new ModelError(
    'resting',
    `${model}: ${endpoint} is not called ${until}, after ${circuit.failures} failures; the last one: ${circuit.reason}`,
    { retryAfterMs: leftMs },
  );
}
