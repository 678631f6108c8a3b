import { firstRedacted, redactPatterns } from '../domain/secret-patterns.js';
import type { Problem } from './config-error.js';
import { textsIn } from './texts-in.js';
import type { YamlSource } from './yaml-source.js';

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
