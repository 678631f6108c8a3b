/**
 * The files and directories of the workspace that a check's command names. They are protected if they exist when the
 * task begins (docs/missions.md), so that a task cannot pass by changing what judges it. The reading is careful in one
 * direction: a word counts only where it can be a path, because a wrong one would fail honest work.
 */
import { parseShell, SHELLS, type Command, type Item, type Script, type Word } from './shell-words.js';
import { workspacePath } from './workspace-path.js';

export interface NamedPath {
  /** Relative to the workspace, without . and .., never the workspace itself; may hold * ? [ ] if isPattern. */
  readonly path: string;
  readonly isPattern: boolean;
  /** Whether it counts only if it is no directory: test -d src asks for a directory, not for what is in it. */
  readonly isFileOnly: boolean;
}

/** The paths that the commands name, each once, in order. */
export function pathsNamedBy(commands: readonly string[]): readonly NamedPath[] {
  const found = new Map<string, NamedPath>();
  for (const command of commands) {
    walkScript(parseShell(command), { directory: '' }, (named) => {
      const known = found.get(named.path);
      found.set(named.path, { ...named, isFileOnly: named.isFileOnly && known?.isFileOnly !== false });
    });
  }
  return [...found.values()];
}

type Note = (path: NamedPath) => void;

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

/** Programs that run the one behind their name and their options. */
const RUNS_ANOTHER: ReadonlySet<string> = new Set(
  'command builtin exec env nohup nice time timeout xargs stdbuf setsid sudo'.split(' '),
);
/** Their first operand is a pattern or a program in their own language, unless an option gives it. */
const PATTERN_FIRST: ReadonlySet<string> = new Set(
  'grep egrep fgrep zgrep rg ag sed awk gawk mawk jq yq tr'.split(' '),
);
const NO_PATHS: ReadonlySet<string> = new Set('echo printf true false : exit return sleep set unset export'.split(' '));
/** How many of the first words are names of a program's own: subcommands, scripts or targets. */
const OWN_NAMES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'make gmake just rake ninja gradle gradlew mvn task nx'.split(' ').map((name) => [name, Infinity]),
  ),
  ...Object.fromEntries(
    'npx go cargo git docker podman kubectl deno dotnet terraform helm openssl pip poetry uv bundle gem composer'
      .split(' ')
      .map((name) => [name, 1]),
  ),
  ...Object.fromEntries('npm pnpm yarn bun'.split(' ').map((name) => [name, 2])),
};
/** Their value is the place where the program works, not what it reads. */
const PLACE_OPTIONS: ReadonlySet<string> = new Set(['-C', '--prefix', '--cwd', '--directory', '--workdir']);
/** find: their value is a pattern for names. */
const NAME_OPTIONS: ReadonlySet<string> = new Set('-name -iname -path -ipath -regex -newer'.split(' '));

function walkWords(words: readonly Word[], place: Place, note: Note): void {
  const [program, ...args] = words;
  if (program === undefined) return;
  const name = nameOf(program);
  if (program.text.includes('/')) noteWord(program, place, note);
  if (RUNS_ANOTHER.has(name)) return walkRun(args, place, note);
  if (name === 'cd' || name === 'pushd') return changeDirectory(args, place);
  if (NO_PATHS.has(name)) return;
  if (name === 'test' || name === '[' || name === '[[') return walkTest(args, place, note);
  const code = inlineCode(name, args);
  if (code !== null && SHELLS.has(name)) walkScript(parseShell(code.text), { ...place }, note);
  walkOperands(
    args.filter((word) => word !== code),
    { skipped: PATTERN_FIRST.has(name) && !hasPatternOption(name, args) ? 1 : 0, ownNames: OWN_NAMES[name] ?? 0 },
    place,
    note,
  );
}

/** Behind env, timeout and the like: options, assignments and a duration, then the program. */
function walkRun(args: readonly Word[], place: Place, note: Note): void {
  const at = args.findIndex(({ text }) => !/^(?:-.*|[A-Za-z_]\w*=.*|\d+(?:\.\d+)?[smhd]?)$/.test(text));
  for (const word of args.slice(0, at === -1 ? undefined : at)) noteWord(afterEquals(word), place, note);
  if (at !== -1) walkWords(args.slice(at), place, note);
}

function changeDirectory(args: readonly Word[], place: Place): void {
  const target = args.find((word) => word.text !== '--');
  if (target === undefined || !target.isLiteral) place.directory = null;
  else place.directory = workspacePath(target.text, place.directory);
}

/** The script of sh -c, node -e, python -c and perl -e. */
function inlineCode(name: string, args: readonly Word[]): Word | null {
  const options = SHELLS.has(name) || /^(?:python|pypy|php|ruby|node|deno|bun|perl)[\d.]*$/.test(name);
  if (!options) return null;
  const at = args.findIndex(({ text }) => /^(?:-[a-z]*[cepr]|--eval|--print)$/.test(text));
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
    else if (/^-[a-zA-Z]$/.test(before) && !/^-[nzota]$/.test(before))
      noteWord(word, place, (named) => note({ ...named, isFileOnly: true }));
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
    if (word.text.startsWith('-') && !word.isQuoted) return noteWord(afterEquals(word), place, note);
    if (PLACE_OPTIONS.has(before) || NAME_OPTIONS.has(before)) return;
    if (toSkip > 0) {
      toSkip -= 1;
      return;
    }
    const isName = names > 0 && !/[/.]/.test(word.text) && !before.startsWith('-');
    if (isName) names -= 1;
    else noteWord(word, place, note);
  });
}

/** The value of --option=value or NAME=value; nothing for another word. */
function afterEquals(word: Word): Word {
  const at = word.text.indexOf('=');
  return { ...word, text: at === -1 ? '' : word.text.slice(at + 1) };
}

/**
 * An expression in another language, such as doc.ui === true, and no path. Spaces and brackets alone may be in a name.
 */
const isCode = (text: string): boolean => /[<>|&;"'`{}!]|==|\s[=+(]|\)\s/.test(text) || text.split(/\s+/).length > 5;

/** The word as a path, and its parts where it is a list such as a.crt:a.key or a,b. */
function noteWord(word: Word, place: Place, note: Note): void {
  if (!word.isLiteral || word.text.length > 4096 || isCode(word.text)) return;
  const parts = word.text.split(/[,:]/);
  const equals = afterEquals(word).text;
  const texts = new Set([
    word.text,
    ...(parts.length > 1 ? parts : []),
    ...(equals === '' ? [] : equals.split(/[,:]/)),
  ]);
  for (const text of texts) {
    const path = workspacePath(text, place.directory);
    if (path !== null && path !== '') note({ path, isPattern: /[*?[]/.test(path), isFileOnly: false });
  }
}
