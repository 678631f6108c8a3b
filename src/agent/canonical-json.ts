/**
 * JSON with the keys of every object in the order of their UTF-16 code units, without spaces: the same text for the
 * same value, however it was made. The value must come from JSON.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (isObject(part) ? inKeyOrder(part) : part));
}

/** Without a prototype, so that a key may be called __proto__. */
function inKeyOrder(value: Readonly<Record<string, unknown>>): object {
  const ordered: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) ordered[key] = value[key];
  return ordered;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
