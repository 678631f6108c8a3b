/** The value of a shell word, as far as it is known before the command runs. */
import type { Word as ParsedWord, WordPart } from 'unbash';
import { UNKNOWN } from '../acts.js';

export interface ShellWord {
  /** Without quotes; UNKNOWN replaces each part that is not known. */
  readonly text: string;
  readonly isKnown: boolean;
  /** Whether the shell may make several words or another text of it: * ? [ ] { } outside quotes. */
  readonly isPattern: boolean;
  /** Offset in the script. */
  readonly at: number;
}

/** Variables of the sandbox that commands may rely on (src/tools/sandbox.ts), unless the command changes them. */
const SANDBOX_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['WORKSPACE', '/workspace'],
  ['TOOLBOX', '/toolbox'],
  ['KEYS', '/keys'],
  ['HOME', '/tmp'],
]);

export type KnownVariables = ReadonlyMap<string, string>;

/** The sandbox's variables that a script only reads: one that the script names in any other way may be changed. */
export function variablesIn(script: string): KnownVariables {
  const indirect = /\b(?:eval|read|export|readonly|declare|typeset|local|printf|unset|source|mapfile|getopts)\b/;
  const mayChange = indirect.test(script) || /(?:^|[\s;&|(])\.\s/.test(script);
  return new Map(
    [...SANDBOX_VARIABLES].filter(([name]) => {
      const reads = new RegExp(`\\$(?:${name}\\b|\\{${name}(?::-[^}]*)?\\})`, 'g');
      return !new RegExp(`\\b${name}\\b`).test(script.replace(reads, '')) && !mayChange;
    }),
  );
}

/** A word that another program puts there: an argument of xargs, a file that find has found. */
export const UNKNOWN_WORD: ShellWord = { text: UNKNOWN, isKnown: false, isPattern: false, at: -1 };

export const plainWord = (text: string, at = -1): ShellWord => ({
  text,
  isKnown: !text.includes(UNKNOWN),
  isPattern: false,
  at,
});

export function wordOf(word: ParsedWord, known: KnownVariables): ShellWord {
  const parts = word.parts ?? [];
  // A word without quotes and expansions has no parts.
  const value = parts.length === 0 ? word.value : parts.map((part) => partValue(part, known)).join('');
  const text = /^~(?=\/|$)/.test(word.text) ? `/tmp${value.slice(1)}` : value;
  return {
    text,
    isKnown: !text.includes(UNKNOWN),
    isPattern: parts.some(({ type }) => type === 'Glob' || type === 'ExtendedGlob' || type === 'BraceExpansion'),
    at: word.pos,
  };
}

function partValue(part: WordPart, known: KnownVariables): string {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
    case 'Glob':
      return part.value;
    case 'DoubleQuoted':
    case 'LocaleString':
      return part.parts.map((inner) => partValue(inner, known)).join('');
    case 'BraceExpansion':
    case 'ExtendedGlob':
      return part.text;
    case 'SimpleExpansion':
      return known.get(part.text.slice(1)) ?? UNKNOWN;
    case 'ParameterExpansion': {
      const isPlain = part.prefix === undefined && part.index === undefined;
      const hasDefault = part.operation?.type === 'Default' && part.operation.operator === ':-';
      const value = known.get(part.parameter);
      return isPlain && value !== undefined && (part.operation === undefined || hasDefault) ? value : UNKNOWN;
    }
    default:
      return UNKNOWN;
  }
}
