/** Whether a script of sed starts other programs: the command e, and the flag e of s (GNU sed 4.9, Commands). */
import { UNKNOWN } from '../acts.js';
import type { ShellWord } from './word.js';

/** What the options give: scripts, and files of them. */
interface Given {
  readonly scripts: readonly string[];
  readonly files: readonly string[];
}

/** Whether a call of sed runs what its script says, or takes its script from its standard input. */
export function sedRunsPrograms(args: readonly ShellWord[]): boolean {
  const { scripts, files } = givenTo(args.map(({ text }) => text));
  return files.some((file) => /^(?:-$|\/dev\/|\/proc\/)/.test(file)) || readings(scripts.join('\n')).some(runsPrograms);
}

/** GNU's programs take options behind operands too. */
function givenTo(args: readonly string[]): Given {
  const scripts: string[] = [];
  const files: string[] = [];
  const operands: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at] ?? '';
    if (word === '--') {
      operands.push(...args.slice(at + 1));
      break;
    }
    const option = /^--(e|f|l)[a-z-]*(?:=(.*))?$/s.exec(word) ?? /^-[nErsuzb]*(?:(e|f|l)(.+)?|i.*)$/s.exec(word);
    if (option === null) {
      if (!/^-./.test(word)) operands.push(word);
      continue;
    }
    const [, name, attached] = option;
    // In place; --follow-symlinks.
    if (name === undefined || word.startsWith('--fo')) continue;
    const value = attached ?? args[(at += 1)] ?? '';
    if (name === 'e') scripts.push(value);
    if (name === 'f') files.push(value);
  }
  const [first] = operands;
  return scripts.length + files.length > 0 || first === undefined ? { scripts, files } : { scripts: [first], files };
}

interface Reader {
  readonly text: string;
  /** Whether a delimiter between [ and ] ends nothing: GNU sed 4.9 reads it so, others do not. */
  readonly hasBrackets: boolean;
  at: number;
}

const readings = (text: string): readonly Reader[] => [
  { text, hasBrackets: true, at: 0 },
  { text, hasBrackets: false, at: 0 },
];

/** Commands whose argument extends to the end of the line; a backslash before it joins the next one. */
const WITH_LINE = /[aicrRwW#]/y;
/** A label, a number, nothing: up to the next command. */
const WITH_WORD = /[:btTvqQlL][^;}\n]*/y;
const ALONE = /[dDgGhHnNpPxzF={}]/y;
const LINE = /(?:\\[^]|[^\\\n])*/y;
/** Numbers, $, first~step, +N; an unknown part may be any. */
const PLACE = new RegExp(`(?:[\\d$~+${UNKNOWN}])+`, 'y');

/** One pass. What sed would not take ends the reading: then it runs nothing. */
function runsPrograms(reader: Reader): boolean {
  const { text } = reader;
  for (;;) {
    take(reader, /[\s;]*/y);
    if (reader.at >= text.length || !skipAddresses(reader)) return false;
    const command = text[reader.at];
    if (command === 'e') return true;
    if (command === 's' || command === 'y') {
      reader.at += 1;
      const delimiter = text[reader.at] ?? '';
      if (!skipTo(reader, delimiter, command === 's') || !skipTo(reader, delimiter)) return false;
      reader.at += 1;
      const flags = command === 's' ? take(reader, /[gpiImMe\d]*/y) : '';
      if (flags.includes('e')) return /[\s;}#w]/.test(text[reader.at] ?? ';');
      if (command === 's' && text[reader.at] === 'w') take(reader, LINE);
    } else if (take(reader, WITH_LINE) !== '') take(reader, LINE);
    else if (take(reader, WITH_WORD) === '' && take(reader, ALONE) === '') return false;
  }
}

/** Up to two, blanks and ! behind them; false: one has no end. */
function skipAddresses(reader: Reader): boolean {
  do {
    take(reader, /[\s,]*/y);
    const { text, at } = reader;
    const delimiter = text[at] === '/' ? '/' : text[at] === '\\' ? (text[at + 1] ?? '') : '';
    if (delimiter === '') take(reader, PLACE);
    else {
      reader.at += text[at] === '\\' ? 1 : 0;
      if (!skipTo(reader, delimiter, true)) return false;
      reader.at += 1;
      take(reader, /[IM]*/y);
    }
    take(reader, /[ \t]*/y);
  } while (reader.text[reader.at] === ',');
  take(reader, /[\s!]*/y);
  return true;
}

/** What [ and ] hold, a ] at its beginning and classes such as [:alpha:] included. */
const BRACKETS = /\[\^?\]?(?:\[:[a-z]*:\]|[^\]\n])*\]/y;

/** From a delimiter to the next one that no backslash precedes. */
function skipTo(reader: Reader, delimiter: string, isPattern = false): boolean {
  for (reader.at += 1; reader.at < reader.text.length; reader.at += 1) {
    const character = reader.text[reader.at];
    if (character === delimiter) return true;
    if (character === '\\') reader.at += 1;
    else if (isPattern && reader.hasBrackets && character === '[' && take(reader, BRACKETS) !== '') reader.at -= 1;
  }
  return false;
}

function take(reader: Reader, sticky: RegExp): string {
  sticky.lastIndex = reader.at;
  const found = sticky.exec(reader.text)?.[0] ?? '';
  reader.at += found.length;
  return found;
}
