/**
 * Reads a shell command as far as its form can be judged without running it: lists, pipelines, groups and simple
 * commands with their words. It never fails: what it does not know (loops, functions, here-documents) makes the script
 * opaque, and its words are still found. Grammar: POSIX.1-2017, Shell Command Language, 2.2 and 2.10.
 */
import { WORKSPACE_MOUNT } from './workspace-path.js';

/** Programs that read such a command. */
export const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'ash', 'ksh', 'zsh']);

export interface Word {
  /** Without quotes. What a variable or a substitution adds is missing. */
  readonly text: string;
  /** Whether the text is the whole word: no variable but WORKSPACE and PWD, and no substitution, is in it. */
  readonly isLiteral: boolean;
  /** The text with * for what a variable or a substitution adds. */
  readonly pattern: string;
  /** Whether any part of it is quoted: then it may be empty, and is no reserved word. */
  readonly isQuoted: boolean;
  /** Scripts of its command substitutions. */
  readonly substitutions: readonly Script[];
}

export interface Redirect {
  /** Such as <, > or >>. */
  readonly operator: string;
  readonly target: Word;
}

export type Command =
  | {
      readonly kind: 'simple';
      readonly assignments: readonly Word[];
      readonly words: readonly Word[];
      readonly redirects: readonly Redirect[];
    }
  | { readonly kind: 'group' | 'subshell'; readonly list: readonly Item[]; readonly redirects: readonly Redirect[] };

export interface Pipeline {
  readonly isNegated: boolean;
  readonly commands: readonly Command[];
  /** How it follows the pipeline before it in its item. */
  readonly joinedBy: 'first' | '&&' | '||';
}

/** Pipelines joined by && and ||. */
export interface Item {
  readonly pipelines: readonly Pipeline[];
  readonly isBackground: boolean;
}

export interface Script {
  readonly list: readonly Item[];
  /** Whether something is in it that this reader does not follow. */
  readonly isOpaque: boolean;
}

/** Deeper than any check; a deeper script is opaque. */
const MAX_DEPTH = 20;
const RESERVED: ReadonlySet<string> = new Set(
  'if then else elif fi do done while until for case esac function select'.split(' '),
);

type Token = { readonly kind: 'word'; readonly word: Word } | { readonly kind: 'operator'; readonly text: string };

/** The script of a command. */
export function parseShell(command: string): Script {
  return parse(command, 0);
}

function parse(command: string, depth: number): Script {
  if (depth > MAX_DEPTH) return { list: [], isOpaque: true };
  const lexer = { text: command, at: 0, depth, isOpaque: false, pendingBodies: [] as string[] };
  const tokens: Token[] = [];
  for (let token = nextToken(lexer); token !== null; token = nextToken(lexer)) tokens.push(token);
  const parser: Parser = { tokens, at: 0, isOpaque: lexer.isOpaque, depth: 0 };
  const list: Item[] = [];
  while (parser.at < tokens.length) {
    list.push(...parseList(parser));
    if (parser.at < tokens.length) {
      // A bracket that closes nothing, such as the one after a pattern of case.
      parser.isOpaque = true;
      parser.at += 1;
    }
  }
  return { list, isOpaque: parser.isOpaque };
}

interface Lexer {
  readonly text: string;
  at: number;
  readonly depth: number;
  isOpaque: boolean;
  /** Delimiters of here-documents whose bodies begin after the line. */
  readonly pendingBodies: string[];
}

const OPERATORS = [
  '&&',
  '||',
  ';;',
  '<<-',
  '<<<',
  '<<',
  '<&',
  '>&',
  '<>',
  '>>',
  '>|',
  '&>',
  ';',
  '&',
  '|',
  '(',
  ')',
  '<',
  '>',
];
const byLength = OPERATORS.toSorted((a, b) => b.length - a.length);

function nextToken(lexer: Lexer): Token | null {
  skipBlanks(lexer);
  const { text, at } = lexer;
  if (at >= text.length) return null;
  if (text[at] === '\n') {
    lexer.at += 1;
    skipBodies(lexer);
    return { kind: 'operator', text: ';' };
  }
  const operator = byLength.find((candidate) => text.startsWith(candidate, at));
  if (operator === undefined || isProcessSubstitution(lexer)) return { kind: 'word', word: readWord(lexer) };
  lexer.at += operator.length;
  if (operator === '<<' || operator === '<<-') {
    lexer.isOpaque = true;
    skipBlanks(lexer);
    lexer.pendingBodies.push(readWord(lexer).text);
    return { kind: 'operator', text: '<<' };
  }
  return { kind: 'operator', text: operator };
}

function skipBlanks(lexer: Lexer): void {
  for (;;) {
    const char = lexer.text[lexer.at];
    if (char === ' ' || char === '\t' || char === '\r') lexer.at += 1;
    else if (char === '\\' && lexer.text[lexer.at + 1] === '\n') lexer.at += 2;
    else if (char === '#') {
      const end = lexer.text.indexOf('\n', lexer.at);
      lexer.at = end === -1 ? lexer.text.length : end;
    } else return;
  }
}

function skipBodies(lexer: Lexer): void {
  for (const delimiter of lexer.pendingBodies.splice(0)) {
    while (lexer.at < lexer.text.length) {
      const end = lexer.text.indexOf('\n', lexer.at);
      const line = lexer.text.slice(lexer.at, end === -1 ? undefined : end);
      lexer.at = end === -1 ? lexer.text.length : end + 1;
      if (line.replace(/^\t+/, '') === delimiter) break;
    }
  }
}

interface WordDraft {
  text: string;
  isLiteral: boolean;
  pattern: string;
  isQuoted: boolean;
  readonly substitutions: Script[];
}

/** Part of a word's text as it is. */
function add(word: WordDraft, text: string): void {
  word.text += text;
  word.pattern += text;
}

/** Part of a word that is known only when it runs. */
function addUnknown(word: WordDraft): void {
  word.isLiteral = false;
  word.pattern += '*';
}

function readWord(lexer: Lexer): Word {
  const word: WordDraft = { text: '', isLiteral: true, pattern: '', isQuoted: false, substitutions: [] };
  while (lexer.at < lexer.text.length) {
    const char = lexer.text[lexer.at] ?? '';
    if (isProcessSubstitution(lexer)) {
      readBrackets(lexer, word);
      continue;
    }
    if (/[\s;&|()<>]/.test(char)) break;
    if (char === "'") readSingleQuotes(lexer, word);
    else if (char === '"') readDoubleQuotes(lexer, word);
    else readPlain(lexer, word);
  }
  return word;
}

/** <(…) and >(…): a word of bash, and of no other shell that is always there. */
const isProcessSubstitution = ({ text, at }: Lexer): boolean => /^[<>]\($/.test(text.slice(at, at + 2));

/** A script in brackets, behind one character. */
function readBrackets(lexer: Lexer, word: WordDraft): void {
  const end = closing(lexer.text, lexer.at + 1, '(', ')');
  lexer.isOpaque = true;
  substitute(lexer, word, lexer.text.slice(lexer.at + 2, end));
  lexer.at = end + 1;
}

function readSingleQuotes(lexer: Lexer, word: WordDraft): void {
  const end = lexer.text.indexOf("'", lexer.at + 1);
  word.isQuoted = true;
  if (end === -1) lexer.isOpaque = true;
  add(word, lexer.text.slice(lexer.at + 1, end === -1 ? undefined : end));
  lexer.at = end === -1 ? lexer.text.length : end + 1;
}

function readDoubleQuotes(lexer: Lexer, word: WordDraft): void {
  word.isQuoted = true;
  lexer.at += 1;
  while (lexer.at < lexer.text.length && lexer.text[lexer.at] !== '"') {
    const escaped = lexer.text[lexer.at] === '\\' ? lexer.text[lexer.at + 1] : undefined;
    if (escaped !== undefined && !'$`"\\\n'.includes(escaped)) {
      add(word, `\\${escaped}`);
      lexer.at += 2;
    } else readPlain(lexer, word);
  }
  if (lexer.at >= lexer.text.length) lexer.isOpaque = true;
  lexer.at += 1;
}

/** One character, escape, variable or substitution. */
function readPlain(lexer: Lexer, word: WordDraft): void {
  const char = lexer.text[lexer.at] ?? '';
  if (char === '\\') {
    const next = lexer.text[lexer.at + 1] ?? '';
    add(word, next === '\n' ? '' : next);
    word.isQuoted = true;
    lexer.at += 2;
  } else if (char === '`') readBackquotes(lexer, word);
  else if (char === '$') readDollar(lexer, word);
  else {
    add(word, char);
    lexer.at += 1;
  }
}

function readBackquotes(lexer: Lexer, word: WordDraft): void {
  const end = lexer.text.indexOf('`', lexer.at + 1);
  if (end === -1) lexer.isOpaque = true;
  substitute(lexer, word, lexer.text.slice(lexer.at + 1, end === -1 ? undefined : end));
  lexer.at = end === -1 ? lexer.text.length : end + 1;
}

function substitute(lexer: Lexer, word: WordDraft, script: string): void {
  addUnknown(word);
  word.substitutions.push(parse(script, lexer.depth + 1));
}

function readDollar(lexer: Lexer, word: WordDraft): void {
  const rest = lexer.text.slice(lexer.at);
  const variable = /^\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))/.exec(rest);
  if (variable) {
    lexer.at += variable[0].length;
    const name = variable[1] ?? variable[2] ?? '';
    if (name === 'WORKSPACE' || name === 'PWD') add(word, WORKSPACE_MOUNT);
    else addUnknown(word);
  } else if (rest.startsWith('$(')) {
    const end = closing(lexer.text, lexer.at + 1, '(', ')');
    const inner = lexer.text.slice(lexer.at + 2, end);
    if (inner.startsWith('(')) addUnknown(word);
    else substitute(lexer, word, inner);
    lexer.at = end + 1;
  } else if (rest.startsWith('${')) {
    addUnknown(word);
    lexer.at = closing(lexer.text, lexer.at + 1, '{', '}') + 1;
  } else if (/^\$[\d@*#?$!-]/.test(rest)) {
    addUnknown(word);
    lexer.at += 2;
  } else {
    add(word, '$');
    lexer.at += 1;
  }
}

/** Place of the bracket that closes the one at `from`, quotes respected; the text's end if there is none. */
function closing(text: string, from: number, open: string, close: string): number {
  let depth = 0;
  let quote = '';
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '\\' && quote !== "'") at += 1;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === "'" || char === '"') quote = char;
    else if (char === open) depth += 1;
    else if (char === close && --depth === 0) return at;
  }
  return text.length;
}

interface Parser {
  readonly tokens: readonly Token[];
  at: number;
  isOpaque: boolean;
  depth: number;
}

const operatorAt = ({ tokens, at }: Parser): string | null => {
  const token = tokens[at];
  return token?.kind === 'operator' ? token.text : null;
};
const wordAt = ({ tokens, at }: Parser): Word | null => {
  const token = tokens[at];
  return token?.kind === 'word' ? token.word : null;
};
const isPlainWord = (word: Word | null, text: string): boolean =>
  word !== null && !word.isQuoted && word.isLiteral && word.text === text;

/** Up to a bracket that closes what surrounds it, or the end. */
function parseList(parser: Parser): Item[] {
  const items: Item[] = [];
  while (parser.at < parser.tokens.length) {
    const operator = operatorAt(parser);
    if (operator === ')' || isPlainWord(wordAt(parser), '}')) break;
    if (operator === ';' || operator === ';;' || operator === '&') {
      if (operator === ';;') parser.isOpaque = true;
      parser.at += 1;
      continue;
    }
    const pipelines = parsePipelines(parser);
    items.push({ pipelines, isBackground: operatorAt(parser) === '&' });
  }
  return items;
}

function parsePipelines(parser: Parser): Pipeline[] {
  const pipelines = [parsePipeline(parser, 'first')];
  for (let operator = operatorAt(parser); operator === '&&' || operator === '||'; operator = operatorAt(parser)) {
    parser.at += 1;
    while (operatorAt(parser) === ';') parser.at += 1;
    pipelines.push(parsePipeline(parser, operator));
  }
  return pipelines;
}

function parsePipeline(parser: Parser, joinedBy: Pipeline['joinedBy']): Pipeline {
  let isNegated = false;
  while (isPlainWord(wordAt(parser), '!')) {
    isNegated = !isNegated;
    parser.at += 1;
  }
  const commands = [parseCommand(parser)];
  while (operatorAt(parser) === '|') {
    parser.at += 1;
    while (operatorAt(parser) === ';') parser.at += 1;
    commands.push(parseCommand(parser));
  }
  return { isNegated, commands, joinedBy };
}

function parseCommand(parser: Parser): Command {
  while (isReserved(wordAt(parser))) {
    parser.isOpaque = true;
    parser.at += 1;
  }
  const opening = operatorAt(parser) === '(' ? 'subshell' : isPlainWord(wordAt(parser), '{') ? 'group' : null;
  if (opening === null || parser.depth >= MAX_DEPTH) return parseSimple(parser);
  parser.at += 1;
  parser.depth += 1;
  const list = parseList(parser);
  parser.depth -= 1;
  const isClosed = opening === 'subshell' ? operatorAt(parser) === ')' : isPlainWord(wordAt(parser), '}');
  if (isClosed) parser.at += 1;
  else parser.isOpaque = true;
  const redirects: Redirect[] = [];
  while (takeRedirect(parser, redirects));
  return { kind: opening, list, redirects };
}

const isReserved = (word: Word | null): boolean =>
  word !== null && !word.isQuoted && word.isLiteral && RESERVED.has(word.text);

function parseSimple(parser: Parser): Command {
  const assignments: Word[] = [];
  const words: Word[] = [];
  const redirects: Redirect[] = [];
  for (;;) {
    if (takeRedirect(parser, redirects)) continue;
    const word = wordAt(parser);
    if (word === null) break;
    parser.at += 1;
    if (words.length === 0 && /^[A-Za-z_]\w*\+?=/.test(word.text)) assignments.push(word);
    else words.push(word);
  }
  if (words.length + assignments.length + redirects.length === 0) {
    // Such as the ( of a function, or && at the end.
    parser.isOpaque = true;
    if (operatorAt(parser) === '(') parser.at += 1;
  } else if (operatorAt(parser) === '(') {
    parser.isOpaque = true;
    parser.at += 1;
  }
  return { kind: 'simple', assignments, words, redirects };
}

const REDIRECTS: ReadonlySet<string> = new Set(['<', '>', '>>', '>|', '<>', '<&', '>&', '&>', '<<<', '<<']);

function takeRedirect(parser: Parser, redirects: Redirect[]): boolean {
  const word = wordAt(parser);
  const next = parser.tokens[parser.at + 1];
  // 2>&1 and 2> file: a number directly before the operator is no word of the command.
  const hasDescriptor =
    word !== null && /^\d$/.test(word.text) && !word.isQuoted && next?.kind === 'operator' && REDIRECTS.has(next.text);
  if (hasDescriptor) parser.at += 1;
  const operator = operatorAt(parser);
  if (operator === null || !REDIRECTS.has(operator)) return false;
  parser.at += 1;
  // The body of a here-document was skipped with its delimiter.
  const target = operator === '<<' ? null : wordAt(parser);
  if (target === null) return true;
  parser.at += 1;
  redirects.push({ operator, target });
  return true;
}
