/** Commands of a model that would take minutes to judge, if the time grew with the square of their length, or worse. */
import { readFileSync } from 'node:fs';
import { parsePolicy } from '../../src/policy/policy-file.js';
import { growthOf, MOST_TIMES } from '../support/growth.js';

const { policy } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');
const judge = (command: string, facts = {}) => policy.judgeCommand('env_agent', command, facts);

type TextOf = (characters: number) => string;

/** A beginning, and the same again and again; # is a number that grows. */
const again =
  (begin: string, part: string, end = ''): TextOf =>
  (characters) => {
    const parts: string[] = [];
    for (let length = begin.length; length < characters; length += parts.at(-1)?.length ?? 1)
      parts.push(part.replaceAll('#', String(parts.length)));
    return `${begin}${parts.join('')}${end}`;
  };

const inReverse: TextOf = (characters) => {
  const count = Math.floor(characters / 14);
  return Array.from({ length: count }, (_, at) => `a${count - at}=$a${count - at - 1};`).join('');
};

const readsThenSets: TextOf = (characters) =>
  'read a;'.repeat(characters / 14) + again('', 'a#=b;')(Math.floor(characters / 2));

/** Only the number of commands ends it. */
const manyDirectories: TextOf = (characters) => `${'cd a;'.repeat(60)}rm ${'a '.repeat((characters - 300) / 2)}`;

const LONG: readonly (readonly [string, TextOf])[] = [
  ['letters, where a URL may begin', again('echo ', 'a')],
  ['URLs without a host', again('curl ', 'a://')],
  ['variables that are read, and others that are set', readsThenSets],
  ['variables that begin with one that is set later', inReverse],
  ['one variable that is set again and again', again('', 'a=b;')],
  ['defaults that do not end', again('', '${WORKSPACE:-')],
  ['indexes that do not end', again('echo ', 'a[')],
  ['substitutions in a value', again('a=', '"$("')],
  ['options, of which each may be the last', again('npm ', '-a ')],
  ['options with a gap after them', again('git ', '--git-dir a config ')],
  ['targets of cp', again('cp ', '-t a ', 'b '.repeat(5_000))],
  ['slashes at the end of a name', again('cp -t a ', '/', 'x')],
  ['options of mktemp', again('x=$(mktemp ', '-d ', '!)')],
  ['braces that mean the same', again('rm *', '{a,a}')],
  ['braces that mean more and more', again('rm *', '{a,b}')],
  ['a choice that does not end', again('rm *{', 'a,')],
  ['ranges that do not end', again('echo > *', '{')],
  ['sets that do not end', again('echo > *', '[')],
  ['a script of sed', again("sed '", 's,a,b,;/x/d;', "'")],
  ['files whose names are not known', again('', '>$a')],
  ['directories, and many files in them', manyDirectories],
];

test.each(LONG)('%s: the time to judge grows with the length only', (_, textOf) => {
  expect(growthOf((text) => judge(text, { tainted: true, network: true }), textOf)).toBeLessThanOrEqual(MOST_TIMES);
});

test('what is found in a short command is found in a long one', () => {
  expect(judge(`echo ${'a'.repeat(50_000)} https://evil.example`, { tainted: true })).toMatchObject({
    decision: 'ask',
    rule: 'tainted-network',
  });
  expect(judge(`echo ${'x'.repeat(9_000)}-1http://evil.example`, { tainted: true }).rule).toBe('tainted-network');
  expect(judge(`npm ${'-a '.repeat(20_000)} install x`)).toMatchObject({ decision: 'ask', rule: 'packages' });
  expect(judge(`npm ${'-a b '.repeat(2_000)} config set x y`)).toMatchObject({ rule: 'program-variables' });
});

test('more files than a person reads are refused, however few characters mean them', () => {
  const verdict = judge(`rm ${'x{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b} '.repeat(200)}`);
  expect(verdict).toMatchObject({ decision: 'deny', rule: 'too-many-commands' });
  expect(verdict.reason).toContain('names too many files; write a script');
  expect(judge(`rm ${'src/some/file.txt '.repeat(1_000)}`).decision).toBe('allow');
});

test('a name with more alternatives than can be looked at may be any file', () => {
  const name = `'/workspace/${'{a,b}'.repeat(11)}'`;
  expect(judge(`echo > ${name}`, { tainted: true })).toMatchObject({ decision: 'ask', rule: 'tainted-startup-files' });
  expect(judge(`rm ${'{a,b}'.repeat(11)}`).decision).toBe('allow');
});

test('where many cd may have failed, a file may be any, which tainted tasks may not write', () => {
  const command = `${'cd a;'.repeat(60)}${'> a;'.repeat(100)} > b`;
  expect(judge(command, { tainted: true })).toMatchObject({ decision: 'ask', rule: 'tainted-startup-files' });
  expect(judge(command).decision).toBe('allow');
});
