/**
 * Programs that run the words after their name, and how to find it. Options are those of coreutils 9, findutils 4,
 * util-linux 2, busybox and the shells; an option that is not here makes the command unclear.
 */
import { readOptions, type GivenOption, type OptionTable } from './options.js';
import { UNKNOWN } from '../acts.js';
import { leadsInside, plainWord, UNKNOWN_WORD, type ShellWord } from './word.js';

/** What a command runs besides itself. */
export interface Inner {
  /** Commands, each with its words. */
  readonly commands: readonly (readonly ShellWord[])[];
  /** Texts that a shell reads. */
  readonly scripts: readonly ShellWord[];
  /** NAME=VALUE words that change what a command finds. */
  readonly assignments: readonly ShellWord[];
  readonly unclear: readonly string[];
  /** Where they run; undefined: where the command itself does. */
  readonly directory?: ShellWord | undefined;
}

const NOTHING: Inner = { commands: [], scripts: [], assignments: [], unclear: [] };
const unclear = (what: string): Inner => ({ ...NOTHING, unclear: [what] });

/** What the shell gives a command on its standard input. */
export interface Input {
  /** A here-document or here-string; null: none. */
  readonly text: ShellWord | null;
  /** Whether it is a file. */
  readonly isFile: boolean;
}

interface Wrapper extends OptionTable {
  /** Words between the options and the command. */
  readonly operands?: number;
  readonly takesAssignments?: true;
  /** Whether a single - in front of the command is an option. */
  readonly takesDash?: true;
  /** The options that name the directory in which the command runs. */
  readonly moves?: readonly string[];
  /** Options with which it only tells something. */
  readonly tells?: readonly string[];
}

/** Of setarch and the names of architectures that it has. */
const ARCHITECTURE: Wrapper = {
  flags: '3BFILRSTXZv',
  longFlags: ['4gb', '3gb', 'addr-no-randomize', 'uname-2.6', 'verbose', 'whole-seconds', 'short-inode'],
};

const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  builtin: {},
  busybox: { longFlags: ['list', 'list-full', 'help'] },
  ccache: { flags: 'cCspzxhV', values: 'FMk' },
  choom: { values: 'np', longValues: ['adjust', 'pid'] },
  chroot: { longValues: ['userspec', 'groups'], longFlags: ['skip-chdir'], operands: 1 },
  chrt: { flags: 'abdfimorRv', values: 'TPD', operands: 1 },
  command: { flags: 'pvV', tells: ['-v', '-V'] },
  'cross-env': { takesAssignments: true },
  distcc: {},
  doas: { flags: 'nsL', values: 'uCa' },
  eatmydata: {},
  env: {
    flags: 'i0v',
    values: 'uC',
    longFlags: ['ignore-environment', 'null', 'debug'],
    longValues: ['unset', 'chdir'],
    takesAssignments: true,
    takesDash: true,
    moves: ['-C', '--chdir'],
  },
  exec: { flags: 'cl', values: 'a' },
  i386: ARCHITECTURE,
  ionice: { flags: 't', values: 'cn', longValues: ['class', 'classdata'], longFlags: ['ignore'] },
  linux32: ARCHITECTURE,
  linux64: ARCHITECTURE,
  ltrace: { flags: 'bcCfhiLrStTV', values: 'aAeFlnopsuwx' },
  nice: { values: 'n', longValues: ['adjustment'], numbers: true },
  nohup: {},
  setsid: { flags: 'cfw', longFlags: ['ctty', 'fork', 'wait'] },
  stdbuf: { values: 'ioe', longValues: ['input', 'output', 'error'] },
  strace: { flags: 'cCdDfFhikqrtTvVwxXyzZ', values: 'abeEIoOpPsSuU' },
  sudo: {
    flags: 'AbEeHnPSisKkvB',
    values: 'CDghpRrtTUu',
    longFlags: ['non-interactive', 'preserve-env', 'set-home', 'login', 'shell', 'stdin', 'background', 'edit'],
    longValues: ['user', 'group', 'host', 'prompt', 'chdir', 'role', 'type', 'close-from', 'command-timeout'],
    takesAssignments: true,
  },
  taskset: { flags: 'ac', longFlags: ['all-tasks', 'cpu-list'], operands: 1 },
  time: {
    flags: 'pavqV',
    values: 'fo',
    longFlags: ['portability', 'append', 'verbose'],
    longValues: ['format', 'output'],
  },
  timeout: {
    flags: 'vfp',
    values: 'ks',
    longFlags: ['foreground', 'preserve-status', 'verbose'],
    longValues: ['kill-after', 'signal'],
    operands: 1,
  },
  toybox: {},
  uclampset: { flags: 'asRv', values: 'mMp', longFlags: ['all-tasks', 'system', 'reset-on-fork', 'verbose'] },
  uname26: ARCHITECTURE,
  x86_64: ARCHITECTURE,
};

/** They run another program in a way that is not read here. */
const OPAQUE: ReadonlySet<string> = new Set([
  ...['parallel', 'entr', 'nsenter', 'unshare', 'setpriv', 'runuser', 'gosu', 'su-exec', 'pkexec', 'systemd-run'],
  ...['start-stop-daemon', 'fakeroot', 'faketime', 'proot', 'bwrap', 'firejail', 'capsh', 'gdb', 'perf', 'valgrind'],
  ...['dbus-run-session', 'xvfb-run', 'expect', 'unbuffer', 'socat', 'run-parts', 'rlwrap', 'prlimit', 'cpulimit'],
  ...['runcon', 'scriptlive', 'switch_root', 'pivot_root', 'agetty', 'getty', 'sulogin', 'login', 'numactl', 'cgexec'],
  ...['chpst', 'softlimit', 'setuidgid', 'envuidgid', 'envdir', 'setlock', 's6-setsid', 'tini', 'dumb-init'],
  ...['daemonize', 'catchsegv', 'sotruss', 'fakechroot', 'screen', 'tmux', 'dtach', 'abduco', 'systemd-inhibit'],
  ...['systemd-cat', 'systemd-nspawn', 'chronic', 'ifne', 'pee', 'mispipe', 'zrun', 'lckdo', 'ssh-agent'],
  ...['gpg-agent', 'hyperfine', 'rtcwake', 'schroot', 'sem', 'apply'],
  ...['csh', 'tcsh', 'pwsh', 'elvish', 'nu', 'xonsh', 'osh', 'ysh'],
  // Bash: names and texts that run later.
  ...['bind', 'compgen', 'complete', 'enable', 'coproc', 'fc', 'history'],
]);

const SHELLS: ReadonlySet<string> = new Set([
  'sh',
  'bash',
  'dash',
  'ash',
  'ksh',
  'mksh',
  'zsh',
  'yash',
  'rbash',
  'fish',
]);
const SHELL_OPTIONS: OptionTable = {
  flags: 'abcefhiklmnprstuvxBCDEHPTVX',
  values: 'oO',
  longFlags: ['login', 'norc', 'noprofile', 'posix', 'restricted', 'verbose', 'no-rcs', 'debug', 'version', 'help'],
};
const STDIN = /^(?:-|\/dev\/stdin|\/dev\/fd\/.*|\/proc\/.*\/fd\/.*)$/;

/** What a command runs besides itself; nothing for most. */
export function innerOf(name: string, args: readonly ShellWord[], input: Input): Inner {
  if (SHELLS.has(name)) return ofShell(name, args, input);
  if (Object.hasOwn(SPECIAL, name)) return SPECIAL[name]?.(args, name) ?? NOTHING;
  if (OPAQUE.has(name)) return args.length === 0 ? NOTHING : unclear(`what ${name} runs`);
  if (/^ld(?:-linux.*|-musl.*)?\.so/.test(name)) return wrapped(name, args, {});
  const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  return wrapper === undefined ? NOTHING : wrapped(name, args, wrapper);
}

function wrapped(name: string, args: readonly ShellWord[], wrapper: Wrapper): Inner {
  const read = readOptions(args, wrapper);
  if (read === null) return unclear(`what ${name} runs`);
  if (read.options.some((option) => wrapper.tells?.includes(option.name) === true)) return NOTHING;
  const operands = wrapper.operands ?? 0;
  if (read.rest.slice(0, operands).some(mayBeSeveral)) return unclear(`what ${name} runs`);
  const hasDash = wrapper.takesDash === true && read.rest[operands]?.text === '-';
  const rest = read.rest.slice(operands + (hasDash ? 1 : 0));
  const start = wrapper.takesAssignments ? rest.findIndex((word) => !word.text.includes('=')) : 0;
  const command = start === -1 ? [] : rest.slice(start);
  return {
    ...NOTHING,
    commands: command.length === 0 ? [] : [command],
    assignments: start === -1 ? rest : rest.slice(0, start),
    directory:
      read.options.findLast(({ name: option }) => wrapper.moves?.includes(option) === true)?.value ?? undefined,
  };
}

/** An expansion outside quotes may be several words; inside quotes it is one. That is not told apart here. */
const mayBeSeveral = ({ isKnown, isPattern }: ShellWord): boolean => !isKnown || isPattern;

const ofEval = (args: readonly ShellWord[]): Inner =>
  args.length === 0 ? NOTHING : { ...NOTHING, scripts: [joined(args)] };

function ofShell(name: string, args: readonly ShellWord[], input: Input): Inner {
  const read = readOptions(args, SHELL_OPTIONS);
  if (read === null) return unclear(`what ${name} runs`);
  const given = new Set(read.options.map((option) => option.name));
  if (['--version', '--help'].some((option) => given.has(option))) return NOTHING;
  const [first] = read.rest;
  const isKeyword = read.options.some(
    ({ name: option, value }) => /^[-+]o$/i.test(option) && value?.text === 'keyword',
  );
  if (given.has('-k') || isKeyword) return unclear('which variables commands get');
  if (given.has('-c')) return first === undefined ? NOTHING : { ...NOTHING, scripts: [first] };
  if (first !== undefined && !given.has('-s') && !STDIN.test(first.text)) return NOTHING;
  if (input.text !== null) return { ...NOTHING, scripts: [input.text] };
  return input.isFile ? NOTHING : unclear(`what ${name} reads from its standard input`);
}

type Special = (args: readonly ShellWord[], name: string) => Inner;

const SPECIAL: Readonly<Record<string, Special>> = {
  find: ofFind,
  fd: ofFd,
  xargs: ofXargs,
  flock: ofFlock,
  setarch: ofSetarch,
  script: (args) => optionScript(args, { flags: 'aefqtO', values: 'cmoIBTEO' }, 'script'),
  su: (args) =>
    optionScript(
      args.toSorted((a, b) => Number(b.text === '-c') - Number(a.text === '-c')),
      null,
      'su',
    ),
  watch: ofWatch,
  // Bash takes -- for the end of options; sh runs a command of that name, which there is not.
  eval: ([first, ...rest]) => ofEval(first?.text === '--' ? rest : [...(first === undefined ? [] : [first]), ...rest]),
  trap: ofTrap,
  alias: (args) => (args.length === 0 ? NOTHING : { ...aliasText(args), unclear: ['what the alias changes'] }),
  '.': ofSource,
  source: ofSource,
  mapfile: (args) => (args.some(({ text }) => /^-\w*C/.test(text)) ? unclear('the callback of mapfile') : NOTHING),
  readarray: (args) => (args.some(({ text }) => /^-\w*C/.test(text)) ? unclear('the callback of readarray') : NOTHING),
};

const aliasText = (args: readonly ShellWord[]): Inner => ({
  ...NOTHING,
  scripts: args.flatMap((word) => (word.text.includes('=') ? [afterEquals(word)] : [])),
});

const afterEquals = (word: ShellWord): ShellWord => ({ ...word, text: word.text.slice(word.text.indexOf('=') + 1) });

function joined(words: readonly ShellWord[]): ShellWord {
  const text = words.map((word) => word.text).join(' ');
  return { ...plainWord(text), isPattern: words.some(({ isPattern }) => isPattern) };
}

function ofFind(args: readonly ShellWord[]): Inner {
  const found: ShellWord = { ...UNKNOWN_WORD, isInside: rootsOf(args).every(leadsInside) };
  const commands: ShellWord[][] = [];
  let directory: ShellWord | undefined;
  for (let at = 0; at < args.length; at += 1) {
    const option = args[at]?.text ?? '';
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(option)) continue;
    const command: ShellWord[] = [];
    for (at += 1; at < args.length; at += 1) {
      const word = args[at];
      if (word === undefined || word.text === ';' || (word.text === '+' && args[at - 1]?.text === '{}')) break;
      command.push(filled(word, '{}', found));
    }
    if (command.length > 0) commands.push(command);
    // The directory of what was found.
    if (option.endsWith('dir')) directory = found;
  }
  return { ...NOTHING, commands, directory };
}

/** Where find begins. */
function rootsOf(args: readonly ShellWord[]): readonly ShellWord[] {
  const end = args.findIndex(({ text }) => /^(?:-[^HLPDO]|[(!])/.test(text));
  return args.slice(0, end === -1 ? args.length : end).filter(({ text }) => !/^-[HLPDO]/.test(text));
}

function ofFd(args: readonly ShellWord[]): Inner {
  const at = args.findIndex(({ text }) => /^(?:-x|-X|--exec|--exec-batch)$/.test(text));
  if (at !== -1) return { ...NOTHING, commands: [args.slice(at + 1).map((word) => filled(word, '{}', UNKNOWN_WORD))] };
  return args.some(({ text }) => /^(?:-[xX]|--exec)/.test(text)) ? unclear('what fd runs') : NOTHING;
}

/** The word with what another program puts in the place of a mark. */
function filled(word: ShellWord, mark: string, by: ShellWord): ShellWord {
  if (!word.text.includes(mark)) return word;
  const isInside = word.text.startsWith(mark) ? by.isInside : word.isInside;
  return { ...word, text: word.text.replaceAll(mark, UNKNOWN), isKnown: false, isInside };
}

const XARGS: OptionTable = {
  flags: '0rtxpoile',
  values: 'nPILsdaE',
  longFlags: ['null', 'no-run-if-empty', 'verbose', 'exit', 'interactive', 'open-tty', 'replace'],
  longValues: ['max-args', 'max-procs', 'max-lines', 'delimiter', 'arg-file', 'max-chars'],
};

function ofXargs(args: readonly ShellWord[]): Inner {
  const read = readOptions(args, XARGS);
  if (read === null) return unclear('what xargs runs');
  if (read.rest.length === 0) return NOTHING;
  const mark = markOf(read.options);
  const command =
    mark === null ? [...read.rest, UNKNOWN_WORD] : read.rest.map((word) => filled(word, mark, UNKNOWN_WORD));
  return { ...NOTHING, commands: [command] };
}

function markOf(options: readonly GivenOption[]): string | null {
  const named = options.findLast(({ name }) => name === '-I')?.value?.text;
  if (named !== undefined) return named;
  return options.some(({ name }) => name === '-i' || name === '--replace') ? '{}' : null;
}

/** setarch [architecture] [options] command */
function ofSetarch(args: readonly ShellWord[]): Inner {
  const [first] = args;
  if (first === undefined || first.text.startsWith('-')) return wrapped('setarch', args, ARCHITECTURE);
  return mayBeSeveral(first) ? unclear('what setarch runs') : wrapped('setarch', args.slice(1), ARCHITECTURE);
}

function ofFlock(args: readonly ShellWord[]): Inner {
  const read = readOptions(args, {
    flags: 'sxueonFv',
    values: 'wE',
    longFlags: ['shared', 'exclusive', 'unlock', 'nonblock', 'close', 'no-fork', 'verbose'],
    longValues: ['wait', 'timeout', 'conflict-exit-code'],
  });
  if (read === null) return unclear('what flock runs');
  const [, ...rest] = read.rest;
  const [first, second] = rest;
  if (first === undefined) return NOTHING;
  if (/^(?:-c|--command)$/.test(first.text)) return second === undefined ? NOTHING : { ...NOTHING, scripts: [second] };
  return { ...NOTHING, commands: [rest] };
}

function optionScript(args: readonly ShellWord[], table: OptionTable | null, name: string): Inner {
  if (table === null) {
    const [first, second] = args;
    return first?.text === '-c' && second !== undefined
      ? { ...NOTHING, scripts: [second] }
      : unclear(`what ${name} runs`);
  }
  const read = readOptions(args, table);
  if (read === null) return unclear(`what ${name} runs`);
  const value = read.options.find((option) => option.name === '-c')?.value;
  return value === undefined || value === null ? unclear(`what ${name} runs`) : { ...NOTHING, scripts: [value] };
}

function ofWatch(args: readonly ShellWord[]): Inner {
  const read = readOptions(args, {
    flags: 'bcCdegptwx',
    values: 'nq',
    longFlags: ['beep', 'color', 'differences', 'errexit', 'chgexit', 'precise', 'no-title', 'exec'],
    longValues: ['interval', 'equexit'],
  });
  if (read === null) return unclear('what watch runs');
  return read.rest.length === 0 ? NOTHING : { ...NOTHING, scripts: [joined(read.rest)] };
}

function ofTrap(args: readonly ShellWord[]): Inner {
  const [first] = args[0]?.text === '--' ? args.slice(1) : args;
  if (first === undefined || /^(?:-.*|\d*)$/.test(first.text)) return NOTHING;
  return { ...NOTHING, scripts: [first] };
}

function ofSource(args: readonly ShellWord[], name: string): Inner {
  const [file] = args[0]?.text === '--' ? args.slice(1) : args;
  if (file === undefined) return NOTHING;
  return file.text.startsWith(UNKNOWN) || STDIN.test(file.text) ? unclear(`what ${name} reads`) : NOTHING;
}
