import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../docs/support/markdown.js';
import { describeExample } from './support/describe-example.js';
import { finish, list, read, run, write } from './support/scripted-model.js';

const project = join(PROJECT, 'examples/build-failure/project');
const LOG = 'ci/build-318.txt';
const cause = {
  log_line: 19,
  quote: 'notice: netherlands.conf skipped: line 3 cannot be read',
  file: 'config/netherlands.conf',
  line: 3,
  instead: 'vat=0.21',
  explanation: 'The region nl is skipped, so its prices are missing, tests fail, and nothing is packed or published.',
};
const diagnose = (diagnosis: object) => write('diagnosis.json', JSON.stringify(diagnosis));
const found = [
  read(LOG),
  list('config'),
  read('build/read-regions.mjs'),
  run('cat -A config/netherlands.conf'),
  // The number of the line is one too low at first; the failed check quotes the line that is there.
  diagnose({ ...cause, log_line: 18 }),
  finish('netherlands.conf has a comma in its rate.'),
  diagnose(cause),
  finish('netherlands.conf has a comma in its rate; the number of the line is corrected.'),
];

describeExample('build-failure', {
  withoutModel: false,
  tasks: 2,
  makes: ['diagnosis.json'],
  right: {
    log_agent: found,
    fix_agent: [run("sed -i '3s/.*/vat=0.21/' config/netherlands.conf"), finish('The rate has a point now.')],
  },
  wrong: {
    'a model that takes the last line for the cause': {
      script: {
        log_agent: [
          diagnose({
            log_line: 44,
            quote: 'dist/prices.json is missing. Was the directory dist created?',
            file: 'dist/prices.json',
            line: 1,
            instead: '{}',
            explanation: 'The directory dist was not created.',
          }),
          finish('The directory dist is missing. This was verified.'),
        ],
      },
      found: 'in a copy, the build passes when that one line is changed',
    },
    'a model that blames another line of the same kind': {
      script: {
        log_agent: [
          diagnose({ ...cause, log_line: 21, quote: 'sweden.conf: se, SEK, VAT 0.25', file: 'config/sweden.conf' }),
          finish('The VAT of Sweden is wrong.'),
        ],
      },
      found: 'in a copy, the build passes when that one line is changed',
    },
    'a model that changes the tests until the build passes': {
      script: {
        log_agent: found,
        fix_agent: [run("sed -i 's/assert\\./void assert./' test/*.mjs"), finish('The build passes now.')],
      },
      found: 'test/',
    },
    'a model that only says that it is done': {
      script: { log_agent: [finish('The cause is found and proven.')] },
      found: 'the log says what is quoted, where it is said',
    },
  },
});

test('the log is what the build says, with the time before each line', () => {
  const log = readFileSync(join(project, LOG), 'utf8').trimEnd().split('\n');
  expect(log[cause.log_line - 1]).toContain(cause.quote);
  expect(log.length - cause.log_line).toBeGreaterThan(20);
  const { status, stdout } = spawnSync(process.execPath, ['build.mjs'], { cwd: project, encoding: 'utf8' });
  expect(status).toBe(1);
  const printed = stdout.trimEnd().split('\n');
  const begin = log.findIndex((line) => line.endsWith(printed[0] ?? ''));
  expect(log.slice(begin, begin + printed.length).map((line) => line.slice('04:12:07.137 '.length))).toEqual(printed);
});
