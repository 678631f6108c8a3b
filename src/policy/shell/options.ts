/** The options of programs that run another program: what is before its name. */
import { UNKNOWN } from '../acts.js';
import type { ShellWord } from './word.js';

export interface OptionTable {
  /** Letters of options without a value. */
  readonly flags?: string;
  /** Letters of options with one, attached or as the next word. */
  readonly values?: string;
  readonly longFlags?: readonly string[];
  /** Long options with a value, after = or as the next word. */
  readonly longValues?: readonly string[];
  /** Whether a number may be an option by itself, such as nice -5. */
  readonly numbers?: true;
}

export interface GivenOption {
  /** -c or --command. */
  readonly name: string;
  readonly value: ShellWord | null;
}

/** The options in front and the words after them; null: an option that the table does not have, or an unknown word. */
export function readOptions(
  words: readonly ShellWord[],
  table: OptionTable,
): { readonly options: readonly GivenOption[]; readonly rest: readonly ShellWord[] } | null {
  const options: GivenOption[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at];
    if (word === undefined || !/^[-+]./.test(word.text)) {
      return word !== undefined && word.text.startsWith(UNKNOWN) ? null : { options, rest: words.slice(at) };
    }
    if (word.text === '--') return { options, rest: words.slice(at + 1) };
    if (!word.isKnown || word.isPattern) return null;
    if (table.numbers === true && /^-\d+$/.test(word.text)) continue;
    const read = word.text.startsWith('--')
      ? longOption(word, words[at + 1], table)
      : letters(word, words[at + 1], table);
    if (read === null) return null;
    options.push(...read.options);
    if (read.usesNext) at += 1;
  }
  return { options, rest: [] };
}

interface Read {
  readonly options: readonly GivenOption[];
  readonly usesNext: boolean;
}

function longOption(word: ShellWord, next: ShellWord | undefined, table: OptionTable): Read | null {
  const [name = '', ...values] = word.text.slice(2).split('=');
  const hasValue = word.text.includes('=');
  if (table.longValues?.includes(name) === true) {
    if (hasValue)
      return { options: [{ name: `--${name}`, value: { ...word, text: values.join('=') } }], usesNext: false };
    return next === undefined ? null : { options: [{ name: `--${name}`, value: next }], usesNext: true };
  }
  if (hasValue || table.longFlags?.includes(name) !== true) return null;
  return { options: [{ name: `--${name}`, value: null }], usesNext: false };
}

function letters(word: ShellWord, next: ShellWord | undefined, table: OptionTable): Read | null {
  const options: GivenOption[] = [];
  const all = word.text.slice(1);
  for (let at = 0; at < all.length; at += 1) {
    const letter = all.charAt(at);
    const name = `${word.text.charAt(0)}${letter}`;
    if (table.values?.includes(letter) === true) {
      const attached = all.slice(at + 1);
      if (attached !== '')
        return { options: [...options, { name, value: { ...word, text: attached } }], usesNext: false };
      return next === undefined ? null : { options: [...options, { name, value: next }], usesNext: true };
    }
    if (table.flags?.includes(letter) !== true) return null;
    options.push({ name, value: null });
  }
  return { options, usesNext: false };
}
