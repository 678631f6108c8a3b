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

/** Of variables whose values begin with one that is assigned further on: no honest script has longer chains. */
const MOST_PASSES = 10;

/** The sandbox's variables that a script only reads: one that the script names in any other way may be changed. */
export function knownVariables(script: string): ReadonlyMap<string, string> {
  const indirect =
    /\b(?:eval|read|export|readonly|declare|typeset|local|unset|source|mapfile|getopts|printf(?=\s+['"\\]*[-$`]))\b/;
  const mayChange = indirect.test(script) || /(?:^|[\s;&|(])\.\s/.test(script);
  return new Map(
    [...SANDBOX_VARIABLES].filter(([name]) => {
      // A longer default counts as another use: without a bound each of many open braces is searched to the end.
      const reads = new RegExp(`\\$(?:${name}\\b|\\{${name}(?::-[^}]{0,200})?\\})`, 'g');
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
  const readInto = namesReadInto(text);
  // A value may begin with another variable.
  for (let pass = 1, before = -1; pass <= MOST_PASSES && before < inside.size; pass += 1) {
    before = inside.size;
    for (const [name, values] of given) if (!readInto.has(name) && values.every(isInside)) inside.add(name);
  }
  return inside;
}

/** By name, what is assigned; null: a value that is no word of the script. */
function valuesIn(script: ParsedScript): ReadonlyMap<string, readonly (Word | null)[]> {
  const given = new Map<string, (Word | null)[]>();
  const add = (name: string, values: readonly (Word | null)[]) => {
    const before = given.get(name);
    if (before === undefined) given.set(name, [...values]);
    else for (const value of values) before.push(value);
  };
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

const READS = /\b(?:read|getopts|printf|mapfile|readarray|unset)\b/;

/** What is named behind a builtin that puts something else into a variable. */
function namesReadInto(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const part of text.split(/[;\n|&]/)) {
    const at = part.search(READS);
    if (at !== -1) for (const [name] of part.slice(at).matchAll(/(?<![$\w{])\w+/g)) names.add(name);
  }
  return names;
}
