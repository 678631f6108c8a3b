/**
 * Whether two values would be the same JSON, but for the order of an object's keys; a map is the list of its entries.
 * Two folds of one log share the log's records: what is the same object is not looked into.
 */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Map || b instanceof Map)
    return a instanceof Map && b instanceof Map && a.size === b.size && isSame([...a], [...b]);
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((part, index) => isSame(part, b[index]))
    );
  return haveSameFields(a, b);
}

function haveSameFields(a: object, b: object): boolean {
  for (const [name, value] of Object.entries(a)) if (!isSame(value, Reflect.get(b, name))) return false;
  return Object.entries(b).every(([name, value]) => value === undefined || name in a);
}
