type Change = (text: string, key: string, parent: string) => string;

/**
 * A JSON-like value with each text changed, keys excepted. What does not change is the same object.
 * @param change gets the text with the keys of the object that has it and of the one around; in a list the list's own
 */
export function mapTexts<T>(value: T, change: Change): T {
  return map(value, change, '', '') as T;
}

function map(value: unknown, change: Change, key: string, parent: string): unknown {
  if (typeof value === 'string') return change(value, key, parent);
  if (Array.isArray(value)) {
    const parts: readonly unknown[] = value;
    const mapped = parts.map((part) => map(part, change, key, parent));
    return mapped.every((part, at) => part === parts[at]) ? value : mapped;
  }
  if (typeof value !== 'object' || value === null) return value;
  let changed: Record<string, unknown> | null = null;
  for (const [name, part] of Object.entries(value)) {
    const mapped = map(part, change, name, key);
    if (mapped !== part) (changed ??= { ...value })[name] = mapped;
  }
  return changed ?? value;
}
