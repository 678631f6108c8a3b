import { firstRedacted, redactPatterns } from '../domain/secret-patterns.js';
import type { Problem } from './config-error.js';
import type { YamlSource } from './yaml-source.js';

type Path = readonly (string | number)[];

/**
 * Texts of a file that have a secret, by its form. What is in such a file travels on the log, which everybody may read
 * who has access to it.
 */
export function secretProblems<T>(source: YamlSource<T>): readonly Problem[] {
  return textsIn(source.value, []).flatMap(({ text, path }) => {
    const redacted = redactPatterns(text);
    // A text that shows how a redacted place looks has no secret.
    const found = redacted === text ? null : firstRedacted(redacted);
    if (found === null) return [];
    return [
      source.problemAt(
        path,
        `it has a secret (${found}), and everybody who may read the log would see it`,
        'leave it out; let the command read it where it is stored',
      ),
    ];
  });
}

function textsIn(value: unknown, path: Path): readonly { readonly text: string; readonly path: Path }[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (typeof value !== 'object' || value === null) return [];
  return Array.isArray(value)
    ? value.flatMap((part, index) => textsIn(part, [...path, index]))
    : Object.entries(value).flatMap(([key, part]) => textsIn(part, [...path, key]));
}
