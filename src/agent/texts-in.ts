/** A text of what a file has, and where it is. */
export interface TextAt {
  readonly text: string;
  readonly path: readonly (string | number)[];
}

/** All texts of a value that was read from a file. */
export function textsIn(value: unknown, path: TextAt['path']): readonly TextAt[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (typeof value !== 'object' || value === null) return [];
  return Array.isArray(value)
    ? value.flatMap((part, index) => textsIn(part, [...path, index]))
    : Object.entries(value).flatMap(([key, part]) => textsIn(part, [...path, key]));
}
