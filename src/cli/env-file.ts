import { wrongConfiguration } from './cli-error.js';

export interface EnvFileEntry {
  readonly text: string;
  /** From 1: where its name stands. */
  readonly line: number;
}

/** Blanks, and comments that fill their line. */
const BLANK = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
/** Programs use names with dots and dashes, too (npm, Java, docker compose); they are read and left alone. */
const NAME = /[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/y;
/** `export A B` gives other shells what is set already. */
const EXPORT_ONLY = /[ \t]*export(?:[ \t]+[A-Za-z_]\w*)+[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
/** "…" has escapes; all quoted values may have several lines. */
const QUOTED = /(?:"((?:[^"\\]|\\[^])*)"|'([^']*)'|`([^`]*)`)[ \t]*(?:#[^\n]*)?(?:\n|$)/y;
const UNQUOTED = /(?!["'`])[^\n]*(?:\n|$)/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/**
 * Reads NAME=value lines as dotenv and docker compose do: # starts a comment, quoted values may have several lines,
 * "…" knows \n, \r, \t, \" and \\. Node's own util.parseEnv and dotenv skip what they cannot read; here it is an error
 * with file and line.
 */
export function parseEnvFile(text: string, file: string): ReadonlyMap<string, EnvFileEntry> {
  const entries = new Map<string, EnvFileEntry>();
  const source = text.replaceAll('\r\n', '\n');
  for (let at = 0; at < source.length; ) {
    const blank = matchAt(BLANK, source, at) ?? matchAt(EXPORT_ONLY, source, at);
    if (blank !== null) {
      at += blank[0].length;
      continue;
    }
    const line = source.slice(0, at).split('\n').length;
    const name = matchAt(NAME, source, at);
    const value = name === null ? null : valueAt(source, at + name[0].length);
    if (name === null || value === null) throw wrongLine(file, line, name !== null);
    entries.set(name[1] ?? '', { text: value.text, line });
    at = value.end;
  }
  return entries;
}

function valueAt(source: string, at: number): { readonly text: string; readonly end: number } | null {
  const quoted = matchAt(QUOTED, source, at);
  if (quoted !== null) {
    const [all, double, single, backtick] = quoted;
    const text = double?.replaceAll(/\\([^])/g, unescape) ?? single ?? backtick ?? '';
    return { text, end: at + all.length };
  }
  const unquoted = matchAt(UNQUOTED, source, at);
  if (unquoted === null) return null;
  return { text: unquoted[0].replace(/(?:^|\s)#.*$/m, '').trim(), end: at + unquoted[0].length };
}

const unescape = (all: string, letter: string): string => ESCAPES[letter] ?? (/["\\$]/.test(letter) ? letter : all);

function matchAt(pattern: RegExp, source: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(source);
}

function wrongLine(file: string, line: number, named: boolean): Error {
  return named
    ? wrongConfiguration(
        `${file}:${line}: the quotes of this value are not closed, or something other than a comment follows them`,
        'Close the quotes, or put other quotes around the whole value.',
      )
    : wrongConfiguration(`${file}:${line}: this line is not NAME=value`, 'Correct the line, or put # before it.');
}
