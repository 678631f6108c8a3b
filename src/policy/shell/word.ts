/** The value of a shell word, as far as it is known before the command runs. */
import type { Word as ParsedWord, WordPart } from 'unbash';
import { UNKNOWN } from '../acts.js';

export interface ShellWord {
  /** Without quotes; UNKNOWN replaces each part that is not known. */
  readonly text: string;
  readonly isKnown: boolean;
  /** Whether the shell may make several words or another text of it: * ? [ ] { } outside quotes. */
  readonly isPattern: boolean;
  /** Whether it leads below the working directory, /workspace or /tmp, although its beginning is not known. */
  readonly isInside: boolean;
  /** Offset in the script. */
  readonly at: number;
}

/** What is known of variables before the script runs. */
export interface Variables {
  readonly known: ReadonlyMap<string, string>;
  /** Those whose values are not known, but lead to files below the working directory, /workspace or /tmp. */
  readonly inside: ReadonlySet<string>;
}

/** A word that another program puts there: an argument of xargs, a file that find has found. */
export const UNKNOWN_WORD: ShellWord = { text: UNKNOWN, isKnown: false, isPattern: false, isInside: true, at: -1 };

export const plainWord = (text: string, at = -1): ShellWord => ({
  text,
  isKnown: !text.includes(UNKNOWN),
  isPattern: false,
  isInside: false,
  at,
});

/** Whether it leads to the working directory, /workspace or /tmp, or below them, as far as can be seen. */
export function leadsInside({ text, isInside }: ShellWord): boolean {
  return (isInside || /^(?:[\w.@%+*?[-]|\/(?:workspace|tmp)(?:\/|$))/.test(text)) && !/\.\.|\{/.test(text);
}

export function wordOf(word: ParsedWord, variables: Variables): ShellWord {
  const parts = word.parts ?? [];
  // A word without quotes and expansions has no parts.
  const value = parts.length === 0 ? word.value : parts.map((part) => partValue(part, variables)).join('');
  const text = withHome(word.text, value, variables);
  return {
    text,
    isKnown: !text.includes(UNKNOWN),
    isPattern: parts.some(({ type }) => type === 'Glob' || type === 'ExtendedGlob' || type === 'BraceExpansion'),
    isInside: beginsInside(parts[0], variables),
    at: word.pos,
  };
}

/** ~ is HOME; ~name is the home of another account, ~+ and ~- in Bash are directories of before. */
function withHome(written: string, value: string, { known }: Variables): string {
  const tilde = /^~[\w.+-]*(?=\/|$)/.exec(written)?.[0];
  if (tilde === undefined) return value;
  return `${(tilde === '~' ? known.get('HOME') : undefined) ?? UNKNOWN}${value.slice(tilde.length)}`;
}

function beginsInside(part: WordPart | undefined, variables: Variables): boolean {
  switch (part?.type) {
    case 'DoubleQuoted':
      return beginsInside(part.parts[0], variables);
    case 'SimpleExpansion':
      return variables.inside.has(part.text.slice(1));
    case 'ParameterExpansion':
      return (
        part.prefix === undefined &&
        part.index === undefined &&
        (part.operation === undefined || part.operation.type === 'Remove') &&
        variables.inside.has(part.parameter)
      );
    case 'CommandExpansion':
      return /^(?:\$\(|`)\s*(?:pwd|mktemp(?:\s+(?:\/tmp\/)?[\w.-]+)*)\s*[)`]$/.test(part.text);
    default:
      return false;
  }
}

function partValue(part: WordPart, variables: Variables): string {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
    case 'Glob':
      return part.value;
    case 'DoubleQuoted':
    case 'LocaleString':
      return part.parts.map((inner) => partValue(inner, variables)).join('');
    case 'BraceExpansion':
    case 'ExtendedGlob':
      return part.text;
    case 'SimpleExpansion':
      return variables.known.get(part.text.slice(1)) ?? UNKNOWN;
    case 'ParameterExpansion': {
      const isPlain = part.prefix === undefined && part.index === undefined;
      const hasDefault = part.operation?.type === 'Default' && part.operation.operator === ':-';
      const value = variables.known.get(part.parameter);
      return isPlain && value !== undefined && (part.operation === undefined || hasDefault) ? value : UNKNOWN;
    }
    default:
      return UNKNOWN;
  }
}
