/** Variables that a builtin changes. */
import { UNKNOWN } from '../acts.js';
import type { ShellWord } from './word.js';

const ASSIGNS: ReadonlySet<string> = new Set(['export', 'declare', 'typeset', 'local', 'readonly']);
/** They put what they read into variables. */
const READS: ReadonlySet<string> = new Set(['read', 'getopts', 'mapfile', 'readarray']);

/** NAME=VALUE of each; null: which one is not known. */
export function changedVariables(name: string, args: readonly ShellWord[]): readonly (string | null)[] {
  if (ASSIGNS.has(name)) return args.flatMap(({ text }) => (/^\w+\+?=/.test(text) ? [text.replace('+=', '=')] : []));
  const named = READS.has(name) ? args : name === 'printf' ? variableOfPrintf(args) : [];
  return named.flatMap(({ text }) => {
    const variable = text.replace(/^-[a-zA-Z]*[av](?=\w)/, '').replace(/\[.*$/s, '');
    if (/^[A-Za-z_]\w*$/.test(variable)) return [`${variable}=${UNKNOWN}`];
    return text.startsWith(UNKNOWN) ? [null] : [];
  });
}

function variableOfPrintf(args: readonly ShellWord[]): readonly ShellWord[] {
  const [first, second] = args;
  if (first?.text === '-v') return second === undefined ? [] : [second];
  return first?.text.startsWith('-v') === true ? [first] : [];
}
