/** Characters that a person who reads a call does not see, and texts that sh and the parser read in different ways. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePolicy } from '../../src/policy/policy-file.js';

const { policy } = parsePolicy('rules: []', 'policy.yaml');
const NOT_TAINTED = { tainted: false, network: false };

const HIDDEN = {
  'a control character': '\u0008',
  'a carriage return': '\r',
  'an escape': '\u001b',
  'a no-break space': '\u00a0',
  'a soft hyphen': '\u00ad',
  'a space of zero width': '\u200b',
  'a joiner of zero width': '\u200d',
  'a mark of direction': '\u200f',
  'an override of direction': '\u202e',
  'an isolate of direction': '\u2066',
  'a byte order mark': '\ufeff',
  'a variation selector': '\ufe01',
  'a filler': '\u3164',
  'a tag': '\u{e0041}',
};

describe.each(Object.entries(HIDDEN))('%s is denied wherever a person does not see it', (_, hidden) => {
  test.each([
    ['a name', `l${hidden}s`],
    ['a word', `ls a${hidden}b`],
    ['quotes', `echo 'a${hidden}b'`],
    ['a comment', `ls # a${hidden}b`],
    ['a here-document', `cat <<'END'\na${hidden}b\nEND`],
    ['a substitution', `echo "$(ls ${hidden})"`],
  ])('in %s', (_place, command) => {
    expect(policy.judgeCommand('env_agent', command, NOT_TAINTED)).toMatchObject({
      decision: 'deny',
      rule: 'hidden-characters',
    });
  });
});

test('tabs, line feeds, letters of any language and emoji are not hidden', () => {
  for (const command of ['echo\ta', 'echo a\necho b', 'echo Übergröße', 'echo 日本語', 'echo ✔️'])
    expect([command, policy.judgeCommand('env_agent', command, NOT_TAINTED).decision]).toEqual([command, 'allow']);
});

const hasDash = spawnSync('dash', ['-c', 'true']).status === 0;

/** Each runs "./part" in dash, and has it as a part of a word, an expression or arguments in Bash. */
const DIFFERENT = [`echo $'\\'; ./part #'`, '((./part))', 'echo $[1;./part ]', 'ls &>out ./part', '[[ x || ./part ]]'];

(hasDash ? describe : describe.skip)('a text that dash and Bash read in different ways is not allowed', () => {
  const directory = mkdtempSync(join(tmpdir(), 'ravenhelm-shells-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'part'), '#!/bin/sh\necho ran >>ran\n', { mode: 0o755 });
  const runsPart = (shell: string, text: string) => {
    spawnSync(shell, ['-c', `${text}\nwait`], { cwd: directory });
    return existsSync(join(directory, 'ran')) && (rmSync(join(directory, 'ran')), true);
  };

  test.each(DIFFERENT)('%s', (text) => {
    expect([runsPart('dash', text), runsPart('bash', text)]).toEqual([true, false]);
    expect(policy.judgeCommand('env_agent', text, NOT_TAINTED)).toMatchObject({ rule: 'cannot-be-read' });
  });
});
