/** Tells the status topic of this process's circuit breakers. */
import type { CircuitNews } from '../../ports/circuits.js';
import type { Presence } from './presence.js';

/** @returns how to stop it */
export function publishCircuitEvents(
  circuits: CircuitNews | undefined,
  presence: Presence,
  processId: string,
): () => void {
  if (circuits === undefined) return () => undefined;
  return circuits.subscribe(({ openMs, ...change }) => {
    presence.send({
      type: 'circuit_changed',
      from: processId,
      payload: { worker_id: processId, ...change, open_ms: openMs },
    });
  });
}
