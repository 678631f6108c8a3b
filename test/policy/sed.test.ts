/** Scripts of sed that start other programs, by the default policy. */
import { readFileSync } from 'node:fs';
import { parsePolicy } from '../../src/policy/policy-file.js';

const { policy } = parsePolicy(readFileSync('policy.default.yaml', 'utf8'), 'policy.default.yaml');
const judge = (command: string) => policy.judgeCommand('env_agent', command);

const RUNS = [
  "sed 's/one/id/e2' f",
  "sed '/./e id' f",
  "sed '/./ e id' f",
  "sed 's,a,id,e' f",
  "sed 's/a/id/2e' f",
  "sed 's/a/id/gIe;p' f",
  "sed 's|[|]|id|ge' f",
  "sed 's/[]/]/id/e' f",
  "sed 's/[^[:alpha:]/]/id/e' f",
  "sed '/[/e]/e id' f",
  "sed -e 's/a/b/;e id' f",
  "sed -e 's/a/b/' -e e f",
  "sed --expression='1e id' f",
  "sed --expr '1e id' f",
  "sed f -n --expression 'e id'",
  "sed -ne'$!e id' f",
  "sed -E -i.bak '1,/x/{e id\n}' f",
  "sed '\\,x,e id' f",
  "sed '1~2e' f",
  "sed '/a/,+3e id' f",
  "sed '0,/a/I{p;e id' f",
  "sed 'n;n;e id' f",
  "sed 'a\\\ntext\ne id' f",
  "sed 'y/e/f/;e id' f",
  "sed ':e;N;$!be;e id' f",
  "sed 's/e/s/w out\ne id' f",
  "sed '# e\ne id' f",
  'sed "s/a/b/;${n}e id" f',
  "sed -f - f <<< 'e id'",
  'sed -f /dev/stdin f',
  "gsed '1e id' f",
  "find . -exec sed -i '/x/e id' {} +",
];

test.each(RUNS)('%s is asked', (command) => {
  expect(judge(command.replaceAll('\\n', '\n'))).toMatchObject({ decision: 'ask', rule: 'programs-in-text-tools' });
});

const HARMLESS = [
  "sed 's/e/e/g' e",
  "sed 's/[/]/e/' e",
  "sed 's/[[:space:]/]*/e/' f",
  "sed 's/a/b/ex' f",
  "sed -n '/e x/p' f",
  "sed -e 's,/e,/f,' -e '/end/d' f",
  "sed '/start/,/e/s/x/y/' f",
  "sed 'a e id' f",
  "sed '1i e' f",
  "sed 'r e' f",
  "sed ':e;N;$!be;s/\\n/ /g' f",
  "sed 'y/e;/;e/' f",
  "sed -i.e 's/a/b/' f",
  'sed -l 5 -n l f',
  "sed -E 's/(a|b)/\\1e/g;t e;:e' f",
  'sed -f script.sed f',
  'sed "s/$A/$B/g" f',
  'sed -n "${n},$p" f',
  "sed '/^#/d; /^$/d' f",
  "sed '$d' f",
  "sed '$!N;P;D' f",
  "sed 's/[/]/e/' f",
  'sed --version',
];

test.each(HARMLESS)('%s is not asked', (command) => {
  expect(judge(command).decision).toBe('allow');
});
