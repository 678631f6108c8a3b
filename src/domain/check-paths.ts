/**
 * The files and directories of the workspace that a check's command names. They are protected if they exist when the
 * task begins (docs/missions.md), so that a task cannot pass by changing what judges it. The reading is careful in one
 * direction: a word counts only where it can be a path, because a wrong one would fail honest work.
 */
import { expanded, hasBraces } from './braces.js';
import { NAME_OPTIONS, NO_PATHS, ownNamesOf, PATTERN_FIRST, PLACE_OPTIONS, RUNS_ANOTHER } from './check-programs.js';
import { parseShell, SHELLS, type Command, type Item, type Script, type Word } from './shell-words.js';
import { PATH_MAX, workspacePath } from './workspace-path.js';

export interface NamedPath {
  /** Relative to the workspace, without . and .., never the workspace itself; may hold * ? [ ] if isPattern. */
  readonly path: string;
  readonly isPattern: boolean;
  /** Whether it counts only if it is no directory: test -d src asks for a directory, not for what is in it. */
  readonly isFileOnly: boolean;
  /** Whether it has a variable in it, so that it may match far more than the command reads. */
  readonly isGuess?: true;
}

/** The paths that the commands name, each once, in order. */
export function pathsNamedBy(commands: readonly string[]): readonly NamedPath[] {
  const found = new Map<string, NamedPath>();
  for (const command of commands) {
    walkScript(parseShell(command), { directory: '' }, (named) => {
      const known = found.get(named.path);
      if (known === undefined && found.size >= MOST_NAMED) return;
      const { isGuess, ...plain } = named;
      const isFileOnly = named.isFileOnly && known?.isFileOnly !== false;
      const stillGuess = isGuess === true && (known === undefined || known.isGuess === true);
      found.set(named.path, { ...plain, isFileOnly, ...(stillGuess ? { isGuess } : {}) });
    });
  }
  return [...found.values()];
}

/** More are no list that a person has written. */
const MOST_NAMED = 5_000;

type Note = (path: NamedPath) => void;

/** A directory of this name is not what the command reads. */
const filesOnly =
  (note: Note): Note =>
  (named) =>
    note({ ...named, isFileOnly: true });

interface Place {
  /** Where the command runs, relative to the workspace; null: elsewhere, or not known. */
  directory: string | null;
}

function walkScript(script: Script, place: Place, note: Note): void {
  walkList(script.list, place, note);
}

function walkList(list: readonly Item[], place: Place, note: Note): void {
  for (const { pipelines } of list) {
    for (const { commands } of pipelines) {
      for (const command of commands) walkCommand(command, commands.length > 1 ? { ...place } : place, note);
    }
  }
}

function walkCommand(command: Command, place: Place, note: Note): void {
  for (const { operator, target } of command.redirects) {
    walkSubstitutions(target, place, note);
    if (operator === '<') noteWord(target, place, note);
  }
  if (command.kind !== 'simple') {
    walkList(command.list, command.kind === 'subshell' ? { ...place } : place, note);
    return;
  }
  for (const word of [...command.assignments, ...command.words]) walkSubstitutions(word, place, note);
  for (const word of command.assignments) noteWord(afterEquals(word), place, note);
  walkWords(command.words, place, note);
}

function walkSubstitutions(word: Word, place: Place, note: Note): void {
  for (const script of word.substitutions) walkScript(script, { ...place }, note);
}

const nameOf = (word: Word): string => word.text.slice(word.text.lastIndexOf('/') + 1);

/** env env env …: each runs the next one. */
const MOST_RUNS = 20;

function walkWords(words: readonly Word[], place: Place, note: Note, runs = 0): void {
  const [program, ...args] = words;
  if (program === undefined || runs > MOST_RUNS) return;
  const name = nameOf(program);
  if (program.text.includes('/')) noteWord(program, place, note);
  if (RUNS_ANOTHER.has(name)) return walkRun(args, place, note, runs + 1);
  if (name === 'cd' || name === 'pushd') return changeDirectory(args, place);
  if (NO_PATHS.has(name)) return;
  if (name === 'test' || name === '[' || name === '[[') return walkTest(args, place, note);
  const code = inlineCode(name, args);
  if (code !== null && SHELLS.has(name)) walkScript(parseShell(code.text), { ...place }, note);
  else if (code !== null) noteLiterals(code, place, note);
  const rest = args.filter((word) => word !== code);
  if (/^(?:python|pypy)[\d.]*$/.test(name)) noteModules(rest, place, note);
  const skipped = PATTERN_FIRST.has(name) && !hasPatternOption(name, args) ? 1 : 0;
  walkOperands(rest, { skipped, ownNames: ownNamesOf(name, rest) }, place, note);
}

/** Texts in quotes inside of code, which name a path if there is one: open('want.json'), require('./want'). */
function noteLiterals(code: Word, place: Place, note: Note): void {
  for (const [, before = '', , literal = ''] of code.text.matchAll(LITERALS)) {
    const word = plainWord(literal);
    noteWord(word, place, filesOnly(note));
    if (before === '' || !/^\.{1,2}\//.test(literal)) continue;
    for (const end of MODULE_ENDS) noteWord(plainWord(`${literal}${end}`), place, note);
  }
}

const LITERALS = /((?:require|import)\s*\(\s*|\b(?:from|import)\s+)?(["'`])((?:\\.|(?!\2)[^\\\n])*)\2/g;
const MODULE_ENDS: readonly string[] = ['.js', '.mjs', '.cjs', '.json'];

/** python -m MODULE, and a.b.C for unittest: the files that they may be. */
function noteModules(args: readonly Word[], place: Place, note: Note): void {
  const at = args.findIndex(({ text }) => text === '-m');
  const module = at === -1 ? undefined : args[at + 1];
  if (module === undefined) return;
  const dotted = module.text === 'unittest' ? args.slice(at + 2) : [];
  for (const { text, isLiteral } of [module, ...dotted]) {
    if (!isLiteral || !/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(text)) continue;
    const parts = text.split('.');
    parts.forEach((_, end) => noteWord(plainWord(`${parts.slice(0, end + 1).join('/')}.py`), place, note));
    if (dotted.length > 0 && parts.length > 1) noteWord(plainWord(parts.join('/')), place, note);
  }
}

const plainWord = (text: string): Word => ({
  ...{ text, pattern: text, isLiteral: true, isQuoted: true },
  substitutions: [],
});

/** Behind env, timeout and the like: options, assignments and a duration, then the program. xargs reads -a FILE. */
function walkRun(args: readonly Word[], place: Place, note: Note, runs: number): void {
  const at = args.findIndex(
    ({ text }, index) => !/^(?:-.*|[A-Za-z_]\w*=.*|\d+(?:\.\d+)?[smhd]?)$/.test(text) && args[index - 1]?.text !== '-a',
  );
  args.slice(0, at === -1 ? undefined : at).forEach((word, index) => {
    if (args[index - 1]?.text === '-a') noteWord(word, place, note);
    else noteWord(word.text.startsWith('-') ? valueOfOption(word) : afterEquals(word), place, note);
  });
  if (at !== -1) walkWords(args.slice(at), place, note, runs);
}

function changeDirectory(args: readonly Word[], place: Place): void {
  const target = args.find((word) => word.text !== '--');
  // Without an end, a long list of cd would make each of its paths longer.
  const path = target?.isLiteral === true ? workspacePath(target.text, place.directory) : null;
  place.directory = path !== null && path.length <= PATH_MAX ? path : null;
}

/** The script of sh -c, node -e, python -c and perl -e. */
function inlineCode(name: string, args: readonly Word[]): Word | null {
  const options = SHELLS.has(name) || /^(?:python|pypy|php|ruby|node|deno|bun|perl)[\d.]*$/.test(name);
  if (!options) return null;
  // A shell's -e ends it with the first command that fails; what follows is its file.
  const option = SHELLS.has(name) ? /^-[a-z]*c$/ : /^(?:-[a-z]*[cepr]|--eval|--print)$/;
  const at = args.findIndex(({ text }) => option.test(text));
  return at === -1 ? null : (args[at + 1] ?? null);
}

/** -e PATTERN and -f FILE; jq's -e sets its exit code. */
const hasPatternOption = (name: string, args: readonly Word[]): boolean => {
  const short = name === 'jq' || name === 'yq' ? /^-[a-zA-Z]*f/ : /^-[a-zA-Z]*[ef]/;
  return args.some(({ text }) => short.test(text) || /^--(?:regexp|file|expression|from-file)/.test(text));
};

/** File operators of test name a path; strings and numbers that it compares are none. */
function walkTest(args: readonly Word[], place: Place, note: Note): void {
  args.forEach((word, at) => {
    if (/^-[a-zA-Z]$/.test(word.text) || (word.isQuoted && word.text === '')) return;
    const before = args[at - 1]?.text ?? '';
    if (/^-(?:nt|ot|ef)$/.test(before) || /^-(?:nt|ot|ef)$/.test(args[at + 1]?.text ?? '')) noteWord(word, place, note);
    else if (/^-[a-zA-Z]$/.test(before) && !/^-[nzota]$/.test(before)) noteWord(word, place, filesOnly(note));
  });
}

function walkOperands(
  args: readonly Word[],
  { skipped, ownNames }: { readonly skipped: number; readonly ownNames: number },
  place: Place,
  note: Note,
): void {
  let toSkip = skipped;
  let names = ownNames;
  args.forEach((word, at) => {
    const before = args[at - 1]?.text ?? '';
    if (word.text.startsWith('-') && !word.isQuoted)
      return noteWord(valueOfOption(word), place, isAttached(word) ? filesOnly(note) : note);
    if (PLACE_OPTIONS.has(before) || NAME_OPTIONS.has(before)) return;
    if (toSkip > 0) {
      toSkip -= 1;
      return;
    }
    const isName = names > 0 && !/[/.=]/.test(word.text);
    if (isName) names -= 1;
    else noteWord(word, place, note);
  });
}

/** The value of --option=value or NAME=value; nothing for another word. */
function afterEquals(word: Word): Word {
  const at = word.text.indexOf('=');
  return at === -1 ? { ...word, text: '', pattern: '' } : withoutStart(word, at + 1);
}

/** The value of --option=value, or of -fVALUE where that looks like a file's name. */
function valueOfOption(word: Word): Word {
  return isAttached(word) ? withoutStart(word, 2) : afterEquals(word);
}

/** -I, -L and -C name a directory in which something is looked for. */
const isAttached = ({ text }: Word): boolean => /^-[A-BD-HJ-KM-Za-z][^=]*[./@][^=]*$/.test(text);

const withoutStart = (word: Word, length: number): Word => ({
  ...word,
  text: word.text.slice(length),
  pattern: word.pattern.startsWith(word.text.slice(0, length)) ? word.pattern.slice(length) : '',
});

/**
 * An expression in another language, such as doc.ui === true, and no path. Spaces and brackets alone may be in a name.
 */
const isCode = (text: string): boolean => /[<>|&;"'`{}!]|==|\s[=+(]|\)\s/.test(text) || text.split(/\s+/).length > 5;

/**
 * The word as a path, and its parts where it is a list such as a.crt:a.key or a,b, a file that holds a value (@a.json),
 * or a file that a command of sqlite3 or psql reads (.read a.sql).
 */
function noteWord(word: Word, place: Place, note: Note): void {
  if (!word.isLiteral) return notePattern(word, place, note);
  if (word.text.length > PATH_MAX) return;
  if (!word.isQuoted && hasBraces(word.text))
    return expanded(word.text).forEach((text) => noteWord(plainWord(text), place, note));
  const read = /^\s*(?:\.read|\\ir?)\s+(\S+)\s*$/.exec(word.text)?.[1];
  if (isCode(word.text) && read === undefined) return;
  const parts = word.text.split(/[,:]/);
  const equals = afterEquals(word).text;
  const texts = new Set([
    word.text,
    ...(parts.length > 1 ? parts : []),
    ...(equals === '' ? [] : equals.split(/[,:]/)),
    ...(read === undefined ? [] : [read]),
  ]);
  const inFiles = [...texts].filter((text) => text.startsWith('@')).map((text) => text.slice(1));
  for (const text of [...texts, ...inFiles]) noteText(text, place, note);
}

function noteText(text: string, place: Place, note: Note): void {
  const path = workspacePath(text, place.directory);
  if (path !== null && path !== '') note({ path, isPattern: /[*?[]/.test(path), isFileOnly: false });
}

/** exp/$f means what is in exp; where the directory is not known, nothing is. */
function notePattern({ pattern }: Word, place: Place, note: Note): void {
  if (pattern.length <= PATH_MAX && /^[^*]+\/[^/]*\*/.test(pattern) && !isCode(pattern))
    noteText(pattern, place, (named) => note({ ...named, isGuess: true }));
}
