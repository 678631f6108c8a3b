/** What is known of a script's variables before it runs. */
import { forEachChild, type ParsedScript, type SyntaxNode, type Word } from 'unbash';
import { leadsInside, wordOf, type ShellWord, type Variables } from './word.js';

/** Variables of the sandbox that commands may rely on (src/tools/sandbox.ts), unless the command changes them. */
const SANDBOX_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['WORKSPACE', '/workspace'],
  ['TOOLBOX', '/toolbox'],
  ['KEYS', '/keys'],
  ['HOME', '/tmp'],
]);

/** The sandbox's variables that a script only reads: one that the script names in any other way may be changed. */
export function knownVariables(script: string): ReadonlyMap<string, string> {
  const indirect =
    /\b(?:eval|read|export|readonly|declare|typeset|local|unset|source|mapfile|getopts|printf(?=\s+['"\\]*[-$`]))\b/;
  const mayChange = indirect.test(script) || /(?:^|[\s;&|(])\.\s/.test(script);
  return new Map(
    [...SANDBOX_VARIABLES].filter(([name]) => {
      const reads = new RegExp(`\\$(?:${name}\\b|\\{${name}(?::-[^}]*)?\\})`, 'g');
      return !new RegExp(`\\b${name}\\b`).test(script.replace(reads, '')) && !mayChange;
    }),
  );
}

/**
 * The variables that get only values such as src/*.js or $(mktemp), so that their files are below the working
 * directory, /workspace or /tmp. It is no proof: rules about tainted calls take them for any file.
 */
export function insideVariables(script: ParsedScript, text: string, known: Variables['known']): Variables['inside'] {
  if (/\b(?:eval|source)\b/.test(text)) return new Set();
  const given = valuesIn(script);
  const inside = new Set<string>(given.has('PWD') ? [] : ['PWD']);
  const isInside = (value: Word | null) => value !== null && isPlaceInside(wordOf(value, { known, inside }));
  // A value may begin with another variable.
  for (let before = -1; before < inside.size; ) {
    before = inside.size;
    for (const [name, values] of given) if (!isReadInto(name, text) && values.every(isInside)) inside.add(name);
  }
  return inside;
}

/** By name, what is assigned; null: a value that is no word of the script. */
function valuesIn(script: ParsedScript): ReadonlyMap<string, readonly (Word | null)[]> {
  const given = new Map<string, (Word | null)[]>();
  const add = (name: string, values: readonly (Word | null)[]) =>
    given.set(name, [...(given.get(name) ?? []), ...values]);
  const visit = (node: SyntaxNode): void => {
    if (node.type === 'Assignment') add(node.name, [node.value.type === 'Word' ? node.value : null]);
    if (node.type === 'For' || node.type === 'Select') add(node.name.text, node.wordlist ?? [null]);
    forEachChild(node, visit);
  };
  visit(script);
  return given;
}

/** Not the working directory or /workspace itself: what is below them. */
const isPlaceInside = (word: ShellWord): boolean =>
  leadsInside(word) && /[^./]/.test(word.text) && !/^\/(?:workspace|tmp)\/*$/.test(word.text);

const isReadInto = (name: string, text: string): boolean =>
  new RegExp(`\\b(?:read|getopts|printf|mapfile|readarray|unset)\\b[^;\\n|&]*(?<![$\\w{])${name}\\b`).test(text);
