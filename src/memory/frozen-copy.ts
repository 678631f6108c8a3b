import type { AgentEvent } from '../domain/events.js';

/**
 * A deep copy that nobody can change, and about how many bytes it would take on a broker (text counted as it is in
 * memory). Events are data: strings, numbers, booleans, null, arrays and plain objects.
 */
export function frozenCopy(event: AgentEvent): { readonly event: AgentEvent; readonly bytes: number } {
  let bytes = 0;

  const copyObject = (source: object): object => {
    const target: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(source)) target[name] = copy(value);
    return Object.freeze(target);
  };

  const copy = (value: unknown): unknown => {
    if (typeof value === 'string') {
      bytes += value.length;
      return value;
    }
    if (typeof value !== 'object' || value === null) {
      bytes += 8;
      return value;
    }
    return Array.isArray(value) ? Object.freeze(value.map(copy)) : copyObject(value);
  };

  return { event: copyObject(event) as AgentEvent, bytes };
}
