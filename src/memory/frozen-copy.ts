import type { AgentEvent } from '../domain/events.js';

/**
 * A deeply frozen copy, and its approximate size on a broker in bytes (one byte per UTF-16 unit of text). Events are
 * data: strings, numbers, booleans, null, arrays and plain objects.
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
