/**
 * Whether a check passes whatever the workspace holds, as its form alone shows: `true`, `:`, `exit 0`, `echo ok`,
 * `[ 1 = 1 ]`, `make || true`, a comment, nothing. A check that may fail is never called static: where the form does
 * not decide, the answer is false, and the baseline (baseline.ts) says more.
 */
import {
  parseShell,
  SHELLS,
  type Command,
  type Item,
  type Pipeline,
  type Redirect,
  type Script,
  type Word,
} from './shell-words.js';

/** Ways in which a part of a script may end: with a status for what follows, or by leaving the shell with it. */
type End = 'pass' | 'fail' | 'leave-pass' | 'leave-fail';
type Ends = ReadonlySet<End>;

const PASS: Ends = new Set<End>(['pass']);
const FAIL: Ends = new Set<End>(['fail']);
const EITHER: Ends = new Set<End>(['pass', 'fail']);
const ANY: Ends = new Set<End>(['pass', 'fail', 'leave-pass', 'leave-fail']);

interface Shell {
  /** set -e: a command that fails ends the shell. */
  errexit: boolean;
}

/** A longer command does enough that its form alone says nothing; the baseline judges it. */
const LONGEST_JUDGED = 10_000;

/** Whether the command exits with 0 wherever it runs. */
export function isStaticCheck(command: string): boolean {
  if (command.length > LONGEST_JUDGED || mayAskForVariables(command)) return false;
  return [...endsOfText(command)].every((end) => end === 'pass' || end === 'leave-pass');
}

/** ${NAME:?} ends the shell where the variable is not set; after set -u any variable does that may not be set. */
function mayAskForVariables(command: string): boolean {
  // A script in quotes is expanded by the shell that runs it.
  const runsScripts = /\b(?:\w*sh|eval)\b/.test(command);
  const expanded = command.replace(UNEXPANDED, (text) => (runsScripts || text.startsWith('"') ? text : ' '));
  return (
    /\$\{\w+:?\?/.test(expanded) ||
    (/\bset\s[^;&|\n]*-\w*u|\bnounset\b|\b(?:ba|da|k|z|a)?sh\s+-\w*u/.test(expanded) &&
      /\$(?!\{?(?:PWD|WORKSPACE)\b)[{A-Za-z_\d]/.test(expanded))
  );
}

/** Single quotes and comments; double quotes only so that what is in them is taken for neither. */
const UNEXPANDED = /"(?:[^"\\]|\\[^])*"|'[^']*'|(?<=^|\s)#[^\n]*/g;

interface Choice {
  readonly condition: string;
  readonly held: string;
  readonly otherwise: string;
}

/**
 * if A; then B; else C; fi, and nothing else; null: it is none. Its parts have no words of that kind: then they are
 * opaque, as are parts of a text in quotes.
 */
function choiceIn(command: string): Choice | null {
  const parts = command
    .split(/[;\n]/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const [first = ''] = parts;
  if (!/^if\s/.test(first) || parts.at(-1) !== 'fi') return null;
  const thenAt = parts.findIndex((part) => /^then(?:\s|$)/.test(part));
  const elseAt = parts.findIndex((part) => /^else(?:\s|$)/.test(part));
  const end = elseAt === -1 ? parts.length - 1 : elseAt;
  if (thenAt === -1 || end < thenAt) return null;
  const script = (from: number, to: number, word: string) =>
    [(parts[from] ?? '').slice(word.length), ...parts.slice(from + 1, to)].join('\n').trim();
  const condition = script(0, thenAt, 'if');
  const held = script(thenAt, end, 'then');
  const otherwise = elseAt === -1 ? ':' : script(elseAt, parts.length - 1, 'else');
  return condition === '' || held === '' || otherwise === '' ? null : { condition, held, otherwise };
}

/** The ends of a whole script, which may be one choice. */
function endsOfText(command: string): Ends {
  const choice = choiceIn(command);
  // set -e in one part holds in the others.
  if (choice === null || /\bset\b/.test(command)) return endsOfScript(parseShell(command), { errexit: false });
  const { condition, held, otherwise } = choice;
  const ends = endsOfText(condition);
  const next = (end: End, script: string) => (ends.has(end) ? endsOfText(script) : []);
  return new Set([...leaving(ends), ...next('pass', held), ...next('fail', otherwise)]);
}

function endsOfScript(script: Script, shell: Shell): Ends {
  return script.isOpaque ? ANY : endsOfList(script.list, shell);
}

function endsOfList(list: readonly Item[], shell: Shell): Ends {
  let ends = PASS;
  for (const item of list) {
    const now = item.isBackground ? PASS : endsOfItem(item, shell);
    ends = new Set([...leaving(ends), ...(staysIn(ends) ? afterErrexit(now, shell) : [])]);
  }
  return ends;
}

const leaving = (ends: Ends): End[] => [...ends].filter((end) => end === 'leave-pass' || end === 'leave-fail');
const staysIn = (ends: Ends): boolean => ends.has('pass') || ends.has('fail');

function afterErrexit(ends: Ends, { errexit }: Shell): Iterable<End> {
  return errexit && ends.has('fail') ? [...ends, 'leave-fail'] : ends;
}

function endsOfItem({ pipelines }: Item, shell: Shell): Ends {
  let ends: Ends = new Set();
  for (const pipeline of pipelines) {
    if (pipeline.joinedBy === 'first') ends = endsOfPipeline(pipeline, shell);
    else {
      const goesOn: End = pipeline.joinedBy === '&&' ? 'pass' : 'fail';
      const kept = [...ends].filter((end) => end !== goesOn);
      ends = new Set([...kept, ...(ends.has(goesOn) ? endsOfPipeline(pipeline, shell) : [])]);
    }
  }
  return ends;
}

function endsOfPipeline({ commands, isNegated }: Pipeline, shell: Shell): Ends {
  const last = commands.at(-1);
  if (last === undefined) return ANY;
  // With the option pipefail each command of a pipeline counts; then only the last one may be unknown.
  if (endsWithFilter(commands)) return isNegated ? FAIL : PASS;
  const ends = commands.length === 1 ? endsOfCommand(last, shell) : inSubshell(endsOfCommand(last, { ...shell }));
  if (!isNegated) return ends;
  const negated: Readonly<Record<End, End>> = {
    pass: 'fail',
    fail: 'pass',
    'leave-pass': 'leave-pass',
    'leave-fail': 'leave-fail',
  };
  return new Set([...ends].map((end) => negated[end]));
}

function inSubshell(ends: Ends): Ends {
  return new Set([...ends].map((end): End => (end === 'pass' || end === 'leave-pass' ? 'pass' : 'fail')));
}

function endsOfCommand(command: Command, shell: Shell): Ends {
  if (command.redirects.some((redirect) => !isHarmless(redirect))) return mayLeave(command) ? ANY : EITHER;
  if (command.kind !== 'simple')
    return command.kind === 'group'
      ? endsOfList(command.list, shell)
      : inSubshell(endsOfList(command.list, { ...shell }));
  if (command.words.length === 0) return endsOfAssignments(command.assignments);
  return endsOfWords(command.words, shell);
}

/** exit < file is rare enough to be left open. */
const mayLeave = (command: Command): boolean => command.kind !== 'simple' || command.words[0]?.text === 'exit';

/** A redirect that cannot fail; that of a missing file makes even `:` fail. */
const isHarmless = ({ operator, target }: Redirect): boolean =>
  target.isLiteral &&
  (operator === '>&' ? /^[12]$/.test(target.text) : ['/dev/null', '/dev/stderr', '/dev/stdout'].includes(target.text));

/** The status of an assignment is that of its last substitution. */
function endsOfAssignments(assignments: readonly Word[]): Ends {
  return assignments.every((word) => word.substitutions.length === 0) ? PASS : EITHER;
}

const ALWAYS_PASS: ReadonlySet<string> = new Set(['true', ':', 'echo']);
/** They pass without arguments; date -r out.txt does not. */
const PASS_ALONE: ReadonlySet<string> = new Set(['pwd', 'date', 'whoami', 'id', 'hostname', 'uname', 'wait']);
/** Programs that only run another one, with the arguments behind their name. */
const RUNS_ANOTHER: ReadonlySet<string> = new Set(['command', 'builtin', 'exec', 'nohup', 'time', 'env', 'nice']);

function endsOfWords([program, ...args]: readonly Word[], shell: Shell): Ends {
  if (program?.isLiteral !== true) return ANY;
  const name = program.text.replace(/^(?:\/usr)?\/s?bin\//, '');
  if (ALWAYS_PASS.has(name) || (PASS_ALONE.has(name) && args.length === 0)) return PASS;
  if (passesAnywhere(name, args)) return PASS;
  if (RUNS_ANOTHER.has(name)) {
    const first = args[0];
    if (first === undefined || first.text.startsWith('-') || first.text.includes('=')) return ANY;
    return name === 'exec' ? leave(endsOfWords(args, shell)) : endsOfWords(args, shell);
  }
  if (SHELLS.has(name)) return endsOfShell(args);
  switch (name) {
    case 'false':
      return FAIL;
    case 'exit':
      return endsOfExit(args);
    case 'printf':
      return endsOfPrintf(args);
    case 'set':
      return endsOfSet(args, shell);
    case 'test':
      return endsOfTest(args);
    case '[':
    case '[[':
      return args.at(-1)?.text === (name === '[' ? ']' : ']]') ? endsOfTest(args.slice(0, -1)) : EITHER;
    case 'sleep':
      return args.length > 0 && args.every(({ text, isLiteral }) => isLiteral && /^\d+(\.\d+)?[smhd]?$/.test(text))
        ? PASS
        : EITHER;
    // These change what the rest of the script means.
    case 'eval':
    case '.':
    case 'source':
    case 'trap':
    case 'return':
    case 'alias':
    case 'break':
    case 'continue':
      return ANY;
    default:
      return EITHER;
  }
}

/** Directories that are always there, and readable. */
const ALWAYS_THERE = /^(?:\.\/?|\/workspace\/?|\/|\/tmp\/?)$/;
/** Programs that every shell has. */
const ALWAYS_FOUND =
  /^(?:sh|ls|cat|echo|test|true|cd|pwd|exit|printf|cp|mv|rm|mkdir|touch|grep|sed|sort|head|tail|wc)$/;
const IN_TMP = /^\/tmp\/[\w-][\w.-]*$/;

/** A program that finds what it asks for wherever it runs, such as ls or touch /tmp/x. */
function passesAnywhere(name: string, args: readonly Word[]): boolean {
  if (!args.every((word) => word.isLiteral)) return false;
  const texts = args.map(({ text }) => text);
  const operands = texts.filter((text) => !text.startsWith('-'));
  switch (name) {
    case 'ls':
      return texts.every((text) => /^-[aAlhrtR1F]+$/.test(text) || ALWAYS_THERE.test(text));
    case 'cd':
      return texts.length === 1 && ALWAYS_THERE.test(texts[0] ?? '');
    case 'command':
      return texts[0] === '-v' && operands.length > 0 && operands.every((text) => ALWAYS_FOUND.test(text));
    case 'touch':
      return operands.length > 0 && operands.length === texts.length && operands.every((text) => IN_TMP.test(text));
    case 'mkdir':
      return texts[0] === '-p' && operands.length === texts.length - 1 && operands.every((text) => IN_TMP.test(text));
    default:
      return false;
  }
}

const leave = (ends: Ends): Ends =>
  new Set([...ends].map((end): End => (end === 'pass' || end === 'leave-pass' ? 'leave-pass' : 'leave-fail')));

function endsOfExit([code]: readonly Word[]): Ends {
  if (code === undefined || !code.isLiteral) return new Set<End>(['leave-pass', 'leave-fail']);
  // A status has eight bits: exit 256 is exit 0.
  const passes = /^\d{1,9}$/.test(code.text) && Number(code.text) % 256 === 0;
  return new Set<End>([passes ? 'leave-pass' : 'leave-fail']);
}

/** A number that is none makes it fail. */
function endsOfPrintf([format]: readonly Word[]): Ends {
  if (format === undefined) return FAIL;
  return format.isLiteral && /^[^%-](?:[^%]|%[%s])*$|^%[%s](?:[^%]|%[%s])*$/.test(format.text) ? PASS : EITHER;
}

function endsOfSet(args: readonly Word[], shell: Shell): Ends {
  const options = args.map((word) => word.text);
  if (options.some((text) => /^-[a-zA-Z]*e/.test(text) || text === 'errexit')) shell.errexit = true;
  return options.every((text) => /^[-+][a-zA-Z]+$/.test(text) || ['errexit', 'nounset', 'xtrace'].includes(text))
    ? PASS
    : ANY;
}

/** Filters that read their input to its end, whatever it is, and the options with which they do. */
const FILTERS: Readonly<Record<string, RegExp>> = {
  cat: /^$/,
  head: /^(?: -\d+| -[nc] ?-?\d+)?$/,
  tail: /^(?: -\d+| -[nc] ?[-+]?\d+)?$/,
  wc: /^(?: -[lwcm]+)?$/,
  sort: /^(?: -[nrufh]+)?$/,
  uniq: /^(?: -[cdu]+)?$/,
  tee: /^(?: \/dev\/(?:null|stderr))?$/,
};

/** Whether a pipeline ends with the status of a filter: make test | tail -n 20 passes although make failed. */
function endsWithFilter(commands: readonly Command[]): boolean {
  const last = commands.at(-1);
  if (commands.length < 2 || last?.kind !== 'simple' || last.redirects.some((redirect) => !isHarmless(redirect)))
    return false;
  const [program, ...args] = last.words;
  if (program === undefined || !last.words.every((word) => word.isLiteral)) return false;
  return FILTERS[program.text]?.test(args.map(({ text }) => ` ${text}`).join('')) === true;
}

/** sh -c 'script', with no options but -e, -u and -l. */
function endsOfShell(args: readonly Word[]): Ends {
  const at = args.findIndex((word) => /^-[eul]*c$/.test(word.text));
  const script = args[at + 1];
  if (at !== 0 || script?.isLiteral !== true) return EITHER;
  const shell = { errexit: args[0]?.text.includes('e') === true };
  return inSubshell(endsOfScript(parseShell(script.text), shell));
}

const NUMBERS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '-eq': (a, b) => a === b,
  '-ne': (a, b) => a !== b,
  '-lt': (a, b) => a < b,
  '-le': (a, b) => a <= b,
  '-gt': (a, b) => a > b,
  '-ge': (a, b) => a >= b,
};

/** test with constants only. */
function endsOfTest(args: readonly Word[]): Ends {
  if (args.some((word) => !word.isLiteral)) return EITHER;
  const verdict = verdictOf(args.map((word) => word.text));
  return verdict === null ? EITHER : verdict ? PASS : FAIL;
}

function verdictOf(args: readonly string[]): boolean | null {
  const [first = '', second = '', third = ''] = args;
  if (args.length > 1 && first === '!') {
    const verdict = verdictOf(args.slice(1));
    return verdict === null ? null : !verdict;
  }
  if (args.length === 0) return false;
  if (args.length === 1) return first !== '';
  if (args.length === 2) {
    if (/^-[derx]$/.test(first) && ALWAYS_THERE.test(second)) return true;
    return first === '-n' ? second !== '' : first === '-z' ? second === '' : null;
  }
  if (args.length > 3) return null;
  if (second === '=' || second === '==') return first === third;
  if (second === '!=') return first !== third;
  const compare = NUMBERS[second];
  const isNumeric = /^-?\d+$/.test(first) && /^-?\d+$/.test(third);
  return compare === undefined || !isNumeric ? null : compare(Number(first), Number(third));
}
