// The public surface: the declaration of each name that dist/index.d.ts exports, in the order of the names.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { root } from './run.mjs';

const EXPORT = /export (?:type )?\{([^}]*)\} from '([^']+)';/g;

export async function apiReport() {
  const index = join(root, 'dist/index.d.ts');
  const text = await readFile(index, 'utf8');
  const names = [...text.matchAll(EXPORT)].flatMap(([, list, from]) =>
    list
      .split(',')
      .map((name) => name.replace(/^\s*type /, '').trim())
      .filter((name) => name !== '')
      .map((name) => ({ name, file: join(dirname(index), from.replace(/\.js$/, '.d.ts')) })),
  );
  const declarations = await Promise.all(
    names
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(async ({ name, file }) => declarationOf(name, await readFile(file, 'utf8'), file)),
  );
  return [
    '# Public API of ravenhelm',
    '',
    'Written by `npm run api` from the declarations; do not edit. Types that are named here but not exported are ' +
      'those of',
    'the events in schemas/.',
    '',
    '```ts',
    declarations.join('\n\n'),
    '```',
    '',
  ].join('\n');
}

/**
 * A type that comes from elsewhere: the events, whose declarations follow schemas/ and are compared by their own test.
 */
function reexportOf(name, lines, file) {
  const line = lines.find((text) => new RegExp(`^export .*\\b${name}\\b.* from `).test(text));
  if (line === undefined) throw new Error(`${file} does not declare ${name}`);
  return line;
}

/** A declaration with its comment, from its first line to the one that closes it. */
function declarationOf(name, text, file) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) =>
    new RegExp(`^export (declare )?(abstract )?(interface|class|type|const|function) ${name}\\b`).test(line),
  );
  if (start < 0) return reexportOf(name, lines, file);
  let end = start;
  for (let depth = 0; ; end += 1) {
    for (const char of lines[end]) depth += '{(['.includes(char) ? 1 : '})]'.includes(char) ? -1 : 0;
    const last = lines[end].trimEnd();
    if (depth === 0 && (last.endsWith('}') || last.endsWith(';'))) break;
  }
  let first = start;
  if (lines[start - 1]?.trimEnd().endsWith('*/'))
    for (first = start - 1; !lines[first].trimStart().startsWith('/**'); ) first -= 1;
  return lines.slice(first, end + 1).join('\n');
}
