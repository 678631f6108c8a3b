// The public surface: the declaration of each name that dist/index.d.ts exports, and of each type of the package that
// these name, in the order of the names.
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { root } from './run.mjs';

const EXPORT = /export (?:type )?\{([^}]*)\} from '(\.[^']+)';/g;
const IMPORT = /import (?:type )?\{([^}]*)\} from '(\.[^']+)';/g;
const INLINE_IMPORT = /import\("(\.[^"]+)"\)\.(\w+)/g;
/** The events' declarations follow schemas/ and are compared by their own test. */
const GENERATED = '/domain/generated/';

export async function apiReport() {
  const index = join(root, 'dist/index.d.ts');
  const exported = namesOf(await readFile(index, 'utf8'), EXPORT, index);
  const declared = new Map();
  for (const one of exported) await declare(one, declared);
  const section = (wanted) =>
    [...declared.values()]
      .filter(({ name, file }) => wanted(exported.some((one) => one.name === name && one.file === file)))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ declaration }) => declaration)
      .join('\n\n');
  return [
    '# Public API of ravenhelm',
    '',
    'Written by `npm run api` from the declarations; do not edit. Types that have no declaration here are those of the',
    'events in schemas/.',
    '',
    '```ts',
    section((isExported) => isExported),
    '```',
    '',
    '## Types that these name',
    '',
    'They are not exported.',
    '',
    '```ts',
    section((isExported) => !isExported),
    '```',
    '',
  ].join('\n');
}

/** Each name of the lists that the pattern finds, as it is called in the file that it comes from. */
function namesOf(text, pattern, from) {
  return [...text.matchAll(pattern)].flatMap(([, list, path]) =>
    list
      .split(',')
      .map((entry) => entry.replace(/^\s*type /, '').trim())
      .filter((entry) => entry !== '')
      .map((entry) => {
        const [name, alias = name] = entry.split(' as ');
        return { name, alias, file: fileOf(path, from) };
      }),
  );
}

const fileOf = (path, from) => join(dirname(from), path.replace(/\.js$/, '.d.ts'));

/** Adds the declaration of a name, and those of the names in it. */
async function declare({ name, file }, declared) {
  const key = `${file} ${name}`;
  if (declared.has(key)) return;
  const text = await readFile(file, 'utf8');
  const declaration = declarationOf(name, text, file);
  declared.set(key, { name, file, declaration });
  const code = declaration.replace(/\/\*[\s\S]*?\*\//g, '').replace(/'[^']*'/g, "''");
  const used = new Set(code.match(/\b[A-Z]\w*/g));
  const imported = namesOf(text, IMPORT, file).filter(({ alias }) => used.has(alias));
  const own = [...used].filter((one) => declares(one, text)).map((one) => ({ name: one, file }));
  const inline = [...declaration.matchAll(INLINE_IMPORT)].map(([, path, one]) => ({
    name: one,
    file: fileOf(path, file),
  }));
  for (const one of [...imported, ...own, ...inline]) await declareUsed(one, declared);
}

/** Where the file hands the name on, its declaration is elsewhere; events.ts hands all events on. */
async function declareUsed({ name, file }, declared) {
  if (file.includes(GENERATED)) return;
  const text = await readFile(file, 'utf8');
  if (declares(name, text)) await declare({ name, file }, declared);
  for (const one of namesOf(text, EXPORT, file)) if (one.alias === name) await declareUsed(one, declared);
}

const declarationStart = (name) =>
  new RegExp(`^(export )?(declare )?(abstract )?(interface|class|type|const|function) ${name}\\b`);
const declares = (name, text) => text.split('\n').some((line) => declarationStart(name).test(line));

/** A type that comes from elsewhere, such as an event. */
function reexportOf(name, lines, file) {
  const line = lines.find((text) => new RegExp(`^export .*\\b${name}\\b.* from `).test(text));
  if (line === undefined) throw new Error(`${file} does not declare ${name}`);
  return line;
}

/** Whether a union continues there; its members may have comments. */
function isUnion(lines, at) {
  const next = lines.slice(at).find((line) => !/^\s*(\/\*\*|\*)/.test(line));
  return next !== undefined && /^[\s}]*\|/.test(next);
}

/** A declaration with its comment, from its first line to the one that closes it. */
function declarationOf(name, text, file) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => declarationStart(name).test(line));
  if (start < 0) return reexportOf(name, lines, file);
  let end = start;
  for (let depth = 0; ; end += 1) {
    for (const char of lines[end]) depth += '{(['.includes(char) ? 1 : '})]'.includes(char) ? -1 : 0;
    const last = lines[end].trimEnd();
    if (depth === 0 && (last.endsWith(';') || (last.endsWith('}') && !isUnion(lines, end + 1)))) break;
  }
  let first = start;
  if (lines[start - 1]?.trimEnd().endsWith('*/'))
    for (first = start - 1; !lines[first].trimStart().startsWith('/**'); ) first -= 1;
  return lines.slice(first, end + 1).join('\n');
}
