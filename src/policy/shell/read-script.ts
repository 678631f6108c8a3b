/** A shell command as acts: every command in it, at any depth, with its redirections. */
import {
  forEachChild,
  parse,
  type Assignment,
  type Command,
  type HereDoc,
  type ParsedScript,
  type Redirect,
  type SyntaxNode,
  type Word,
} from 'unbash';
import { posix } from 'node:path';
import { UNKNOWN, type Act, type ActPath } from '../acts.js';
import { changedVariables } from './changed-variables.js';
import { differenceOf } from './dialect.js';
import { changeDirectory, movedTo, type At } from './directories.js';
import { hostsOf } from './hosts.js';
import { filesOf, filesOfCommand, mayBeEverything, type Directories, type NamedFile } from './paths.js';
import { sedRunsPrograms } from './sed.js';
import { insideVariables, knownVariables } from './variables.js';
import { plainWord, wordOf, type ShellWord, type Variables } from './word.js';
import { innerOf, type Input } from './wrappers.js';

/** What the reading of one call has found. */
export interface Findings {
  readonly acts: Act[];
  readonly unclear: Set<string>;
  /** Commands that were read; inner ones count too. */
  commands: number;
  /** Where its shells may be, at any time. */
  readonly directories: Set<string>;
  /** Characters of the paths that its commands name, and of others that they mean if a cd before them fails. */
  pathCharacters: number;
  maybeCharacters: number;
}

interface Place {
  readonly script: string;
  readonly variables: Variables;
  /** Shells inside shells. */
  readonly depth: number;
  /** Where it runs, and ran before; absolute. One object for all commands of a shell: cd changes it. */
  readonly at: At;
}

/** More commands than a person reads before saying yes; the rest is not read, and the call is refused. */
export const MOST_COMMANDS = 250;

/** Deeper than any honest command. */
const MOST_SHELLS = 12;
const SHOWN_CHARACTERS = 80;

/** The same for paths: many files in a long directory, or {a,b}{a,b} and so on, take long to compare with the rules. */
export const MOST_PATH_CHARACTERS = 400_000;

/** Above that, a relative path may be any file. */
const MOST_MAYBE_CHARACTERS = 200_000;

/** @param directory where the command runs; absolute */
export function readScript(script: string, directory: string, found: Findings): void {
  const read = () =>
    readText(script, { depth: 0, at: { directory, before: UNKNOWN }, known: knownVariables(script) }, found);
  found.directories.add(directory);
  read();
  if (found.directories.size === 1) return;
  // Loops and functions may run a command after a cd that comes later in the text.
  found.acts.length = 0;
  found.commands = 0;
  found.pathCharacters = 0;
  found.maybeCharacters = 0;
  read();
}

type Around = Omit<Place, 'script' | 'variables'> & Pick<Variables, 'known'>;

function readText(script: string, { known, ...place }: Around, found: Findings): void {
  if (place.depth > MOST_SHELLS) return void found.unclear.add('shells inside shells');
  const parsed = parse(script);
  visit(parsed, { ...place, script, variables: { known, inside: insideVariables(parsed, script, known) } }, found);
}

function visit(node: SyntaxNode, place: Place, found: Findings): void {
  if (found.commands > MOST_COMMANDS) return;
  const difference = differenceOf(node);
  if (difference !== null) found.unclear.add(difference);
  switch (node.type) {
    case 'Script': {
      noteErrors(node, place, found);
      // A substitution is a separate shell: its cd does not count outside.
      const inside = { ...place, at: { ...place.at }, ...(node.source === undefined ? {} : { script: node.source }) };
      forEachChild(node, (child) => visit(child, inside, found));
      return;
    }
    case 'Subshell': {
      const inside = { ...place, at: { ...place.at } };
      forEachChild(node, (child) => visit(child, inside, found));
      return;
    }
    case 'Command':
      readCommand(node, place, found);
      break;
    case 'Redirected':
      note(found, { words: null, paths: redirected(node.redirects, place, found) });
      break;
    case 'For':
    case 'Select':
      if (place.variables.known.has(node.name.text)) found.unclear.add(`what $${node.name.text} is`);
      for (const value of node.wordlist?.map((word) => wordOf(word, place.variables).text) ?? [UNKNOWN]) {
        noteIndex(value, found);
        note(found, { words: [`${node.name.text}=${value}`], paths: [] });
      }
      break;
    case 'TestUnary':
      if (node.operator === '-v' || node.operator === '-R') noteEvaluated([node.operand], place, found);
      break;
    case 'TestBinary':
      if (/^-(?:eq|ne|lt|le|gt|ge)$/.test(node.operator)) noteEvaluated([node.left, node.right], place, found);
      break;
    case 'ParameterExpansion':
      // Bash expands the value as a prompt, substitutions too.
      if (node.operation?.type === 'Transform' && node.operation.operand.text === 'P')
        found.unclear.add(`what ${shown(node.text)} runs`);
      if (NAMES_COMMANDS.test(node.parameter)) found.unclear.add(`what ${shown(node.text)} makes of names of commands`);
      if (node.operation?.type === 'Default' && node.operation.operator.endsWith('='))
        note(found, {
          words: [`${node.parameter}=${wordOf(node.operation.operand, place.variables).text}`],
          paths: [],
        });
      break;
    default:
  }
  forEachChild(node, (child) => visit(child, place, found));
}

function noteErrors(script: ParsedScript, place: Place, found: Findings): void {
  const [error] = script.errors ?? [];
  if (error === undefined) return;
  const near = shown(place.script.slice(error.pos, error.pos + 40));
  found.unclear.add(`it is no complete shell command: ${error.message}${near === '' ? '' : ` near ${near}`}`);
}

function readCommand(command: Command, place: Place, found: Findings): void {
  const paths = redirected(command.redirects, place, found);
  for (const part of command.prefix) {
    if (part.type !== 'Assignment') continue;
    const { text } = assignmentOf(part, place.variables);
    noteIndex(text.slice(text.indexOf('=')), found);
    note(found, { words: [text], paths: [] });
  }
  const name = command.name === undefined ? null : wordOf(command.name, place.variables);
  if (name === null) return note(found, { words: null, paths });
  const args = command.args.map((part) =>
    part.type === 'Word' ? wordOf(part, place.variables) : assignmentOf(part, place.variables),
  );
  readWords([name, ...args], paths, inputOf(command, place.variables), place, found);
}

/** NAME=VALUE as a word; the values of an array are not read. */
function assignmentOf({ name, value, pos }: Assignment, variables: Variables): ShellWord {
  return plainWord(`${name}=${value.type === 'Word' ? wordOf(value, variables).text : UNKNOWN}`, pos);
}

/** Of a command's redirections. */
function redirected(redirects: Command['redirects'], place: Place, found: Findings): readonly ActPath[] {
  return redirects.flatMap((redirect) => {
    if (redirect.type !== 'Redirect' || redirect.target === undefined) return [];
    const word = wordOf(redirect.target, place.variables);
    // 2>&1 and 2>&- name descriptors.
    if (/^[<>]&$/.test(redirect.operator) && /^(?:\d+-?|-)$/.test(word.text)) return [];
    return accessOf(redirect).flatMap((access) =>
      pathsAt({ word, access }, `the file behind ${redirect.operator}`, place, found),
    );
  });
}

/** A file that cannot be known is unclear where it is written. */
function pathsAt(file: NamedFile, what: string, place: Place, found: Findings): readonly ActPath[] {
  const { word, access } = file;
  if (found.pathCharacters > MOST_PATH_CHARACTERS) return [];
  const paths = filesOf(file, directoriesOf(place, found));
  for (const { path, maybe } of paths ?? [])
    found[maybe === true ? 'maybeCharacters' : 'pathCharacters'] += path.length;
  if (access === 'write' && paths === null) found.unclear.add(`${what} is ${shown(textAt(word, place))}`);
  if (access === 'remove' && mayBeEverything(word))
    found.unclear.add(`${what} may be everything: ${shown(textAt(word, place))}`);
  return paths ?? [];
}

function directoriesOf({ at: { directory } }: Place, { directories, maybeCharacters }: Findings): Directories {
  const elsewhere = [...directories].filter((one) => one !== directory);
  const isTooMuch = elsewhere.length > 0 && maybeCharacters > MOST_MAYBE_CHARACTERS;
  return { directory, elsewhere: new Set(isTooMuch ? [UNKNOWN] : elsewhere) };
}

const accessOf = ({ operator }: Redirect): readonly ('read' | 'write')[] => {
  if (operator === '<>') return ['read', 'write'];
  return operator === '<' || operator === '<&' ? ['read'] : ['write'];
};

function inputOf(command: Command, variables: Variables): Input {
  // The last one counts; of a here-document its text, where it has no expansions.
  const last = command.redirects.findLast(
    (redirect) =>
      redirect.type !== 'Redirect' ||
      (redirect.operator.startsWith('<') && (redirect.descriptor === undefined || isZero(redirect))),
  );
  if (last === undefined) return { text: null, isFile: false };
  if (last.type === 'Redirect') return { text: null, isFile: last.operator === '<' && isPlainFile(last, variables) };
  if (last.type === 'HereString')
    return { text: last.target === undefined ? null : wordOf(last.target, variables), isFile: false };
  return { text: bodyOf(last, variables), isFile: false };
}

const isZero = ({ descriptor }: Redirect): boolean => descriptor?.type === 'FileDescriptor' && descriptor.value === 0;

function isPlainFile({ target }: Redirect, variables: Variables): boolean {
  return target !== undefined && !/^(?:\/dev\/|\/proc\/)|\uFFFC/.test(wordOf(target, variables).text);
}

function bodyOf({ body, delimiter }: HereDoc, variables: Variables): ShellWord {
  if (delimiter?.quoted === true || body.parts === undefined) return plainWord(body.text);
  const value = wordOf(
    { type: 'Word', text: body.text, value: body.text, pos: body.pos, end: body.end, parts: body.parts },
    variables,
  );
  return plainWord(value.text);
}

/** A command by its words, the wrappers' inner ones too. */
function readWords(
  words: readonly ShellWord[],
  paths: readonly ActPath[],
  input: Input,
  place: Place,
  found: Findings,
): void {
  const [first, ...args] = words;
  if (first === undefined) return;
  if (!first.isKnown || first.isPattern || first.text === '')
    found.unclear.add(`the command's name is ${shown(textAt(first, place))}`);
  const path = programPath(first.text);
  const name = path.slice(path.lastIndexOf('/') + 1);
  const texts = [path, ...args.map(({ text }) => text), ...impliedWords(name, args)];
  const files = filesOfCommand(name, args).flatMap((file) =>
    pathsAt(file, `the file that ${name} ${file.access === 'remove' ? 'removes' : 'writes'}`, place, found),
  );
  note(found, { words: texts, paths: [...paths, ...files] });
  found.commands += 1;
  if (name === 'cd' || name === 'pushd' || name === 'popd')
    return changeDirectory(name, args, { ...place, directories: found.directories });
  for (const variable of changedVariables(name, args)) {
    if (variable === null) found.unclear.add(`which variable ${name} changes`);
    else note(found, { words: [variable], paths: [] });
  }
  if (EVALUATES.has(name) && args.some(({ text }) => RUNS_IN_INDEX.test(text)))
    found.unclear.add(`what ${name} evaluates`);
  if (CHANGES_VARIABLES.has(name) && args.some(({ text }) => NAMES_COMMANDS.test(text)))
    found.unclear.add(`what ${name} makes of names of commands`);
  if ((name === 'set' || name === 'shopt') && args.some(({ text }) => /^-\w*k|^keyword$/.test(text)))
    found.unclear.add('which variables commands get after set -k');
  if (name === 'hash' && args.some(({ text }) => /^-\w*p|^\uFFFC/.test(text)))
    found.unclear.add('which program a name means after hash -p');
  const inner = innerOf(name, args, input);
  // Scripts are read themselves, below.
  const taken = READS_VARIABLES.has(name) && input.text !== null ? [input.text] : [];
  if (inner.scripts.length === 0)
    for (const { text } of [...args, ...taken]) if (/\w\[|^\w+=/.test(text)) noteIndex(text, found);
  for (const what of inner.unclear) found.unclear.add(`${what} is not known before it runs`);
  for (const { text } of inner.assignments) note(found, { words: [text], paths: [] });
  const inside = inner.directory === undefined ? place : { ...place, at: movedTo(inner.directory, place.at) };
  for (const command of inner.commands) readInner(command, input, inside, found);
  for (const script of inner.scripts) readInnerScript(script, name, inside, found);
}

/** Without . and ..; a program of a directory keeps a slash, because one without is looked for in PATH. */
function programPath(text: string): string {
  if (!text.includes('/')) return text;
  const path = posix.normalize(text);
  return /^(?:\/|\.\.\/)/.test(path) ? path : `./${path}`;
}

function readInner(command: readonly ShellWord[], input: Input, place: Place, found: Findings): void {
  if (place.depth > MOST_SHELLS) return void found.unclear.add('commands inside commands');
  readWords(command, [], input, { ...place, depth: place.depth + 1 }, found);
}

/** A text with an unknown part may be any script; what is known of it is read all the same, because deny beats ask. */
function readInnerScript(script: ShellWord, name: string, place: Place, found: Findings): void {
  if (!script.isKnown || script.isPattern) found.unclear.add(`the text that ${name} runs is not known before it runs`);
  const own = knownVariables(script.text);
  const known = new Map([...own].filter(([variable]) => place.variables.known.has(variable)));
  const at = name === 'eval' || name === 'trap' ? place.at : { ...place.at };
  readText(script.text, { depth: place.depth + 1, known, at }, found);
}

/**
 * A text with a substitution in an index, also a part of one: where a variable with it is evaluated as
 * arithmetic ($((x)), let, [[ x -eq 1 ]], ${y:x} and others), Bash runs the substitution, however it was quoted.
 */
function noteIndex(text: string, found: Findings): void {
  const beforeLastEnd = /^\+?=/.test(text) ? text.slice(0, Math.max(0, text.lastIndexOf(']'))) : '';
  if (hasOpenIndex(text) || SUBSTITUTION.test(beforeLastEnd))
    found.unclear.add('what a variable runs when it is evaluated');
}

/** Whether a substitution, or a $ at the end, follows a [ that is not closed before. */
function hasOpenIndex(text: string): boolean {
  const parts = text.split(']');
  return parts.some((part, index) => {
    const inside = part.includes('[') ? part.slice(part.indexOf('[') + 1) : '';
    return SUBSTITUTION.test(inside) || (index === parts.length - 1 && inside.endsWith('$'));
  });
}

const SUBSTITUTION = /\$\(|`/;

/** Words that [[ ]] evaluates as arithmetic, or as names of variables. */
function noteEvaluated(words: readonly Word[], place: Place, found: Findings): void {
  if (words.some((word) => RUNS_IN_INDEX.test(wordOf(word, place.variables).text)))
    found.unclear.add('what [[ ]] evaluates');
}

const RUNS_IN_INDEX = /^\s*\w+\[.*(?:\$\(|`)/s;

/** Bash runs substitutions in the index of a variable's name (Bash manual, Arrays). */
const EVALUATES: ReadonlySet<string> = new Set(
  'let test [ printf read unset declare typeset local export readonly wait'.split(' '),
);

/** Bash runs what these tables say in place of a name. */
const NAMES_COMMANDS = /\bBASH_(?:CMDS|ALIASES)\b/;

const READS_VARIABLES: ReadonlySet<string> = new Set(['read', 'mapfile', 'readarray']);

const CHANGES_VARIABLES: ReadonlySet<string> = new Set([...EVALUATES, ...READS_VARIABLES, 'getopts']);

const INTERPRETER = /^(?:node|deno|bun|python[\d.]*|pypy\d*|perl|ruby|php|lua[\d.]*|Rscript|tclsh|guile|osascript)$/;

/** A last word for rules: - where an interpreter reads its program, --e where a script of sed starts other programs. */
function impliedWords(name: string, args: readonly ShellWord[]): readonly string[] {
  if (readsProgram(name, args)) return ['-'];
  return /^g?sed$/.test(name) && sedRunsPrograms(args) ? ['--e'] : [];
}

/** Whether an interpreter is given its program on its standard input. */
function readsProgram(name: string, args: readonly ShellWord[]): boolean {
  if (!INTERPRETER.test(name)) return false;
  if (args.some(({ text }) => /^(?:-v|-V|-h|-p|-e|-c|-E|-r|--version|--help|--v8-options|--test.*)$/.test(text)))
    return false;
  return args.every(({ text }) => text.startsWith('-') && text !== '-');
}

function note(found: Findings, act: Pick<Act, 'words' | 'paths'>): void {
  if (act.words === null && act.paths.length === 0) return;
  const isCommand = act.words !== null && !/^\w+=/.test(act.words[0] ?? '');
  found.acts.push({ ...act, hosts: act.words === null ? [] : hostsOf(act.words), counts: isCommand });
}

function textAt(word: ShellWord, { script }: Place): string {
  if (word.at < 0) return word.text;
  return /^\S+/.exec(script.slice(word.at, word.at + 2 * SHOWN_CHARACTERS))?.[0] ?? word.text;
}

function shown(text: string): string {
  const line = text.replaceAll(UNKNOWN, '…').replaceAll(/\s+/g, ' ').trim();
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line;
}
