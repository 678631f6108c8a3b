/** Inputs of missions through the real program: flags, files, the terminal, and what commands get. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTestClone, type TestClone } from './support/clone.js';
import { MEMORY, runInPipe, startOnTerminal } from './support/ravenhelm.js';

const AGENT = `---
name: note_agent
description: Writes notes.
phase: 1
tools: [execute_terminal_command]
secrets: [DEPLOY_TOKEN]
playbooks:
  note:
    steps:
      - { name: write, command: 'printf %s "$INPUT_TEXT" > note.txt', unless: '[ "$(cat note.txt)" = "$INPUT_TEXT" ]' }
  deploy:
    steps:
      - { name: measure, command: 'wc -c < "$INPUT_TOKEN_FILE" > bytes.txt; echo "$INPUT_TOKEN_FILE" > path.txt' }
    acceptance:
      - { name: measured, command: 'test "$(cat bytes.txt)" = "$(wc -c < "$INPUT_TOKEN_FILE")"' }
---
You write notes.
`;

const MISSION = `name: note
brief: Write \${{ inputs.text }}.
retries: 0
agents: [note_agent]
inputs:
  - { name: text, description: What to write }
  - { name: times, type: number, default: 1 }
  - { name: zone, type: choice, options: [north, south] }
plan:
  waves:
    - tasks:
        - agent: note_agent
          description: Write \${{ inputs.text }} in the \${{ inputs.zone }}.
          playbook: note
          acceptance: [{ name: written, command: '[ "$(cat note.txt)" = "$INPUT_TEXT" ]' }]
success:
  - { name: times, command: 'test "$INPUT_TIMES" = 3 && test "$INPUT_ZONE" = south' }
`;
const TOKEN_MISSION = `name: deploy
brief: Deploy.
retries: 0
agents: [note_agent]
inputs: [{ name: token, type: secret }]
plan: { waves: [{ tasks: [{ agent: note_agent, description: Deploy., playbook: deploy }] }] }
`;
const FILE = 'missions/note.yaml';
const TOKEN = 'canary-token-91c3';
const ENV = { DEPLOY_TOKEN: TOKEN, WORKER_MODELS: 'playbook' };

let clone: TestClone;
beforeAll(async () => {
  clone = await createTestClone();
  await mkdir(join(clone.dir, 'agents'), { recursive: true });
  await writeFile(join(clone.dir, 'agents/note_agent.md'), AGENT);
  await writeFile(join(clone.dir, FILE), MISSION);
  await writeFile(join(clone.dir, 'missions/deploy.yaml'), TOKEN_MISSION);
  await writeFile(join(clone.dir, 'inputs.yaml'), 'text: "from the file"\ntimes: 3\nzone: north\n');
  await writeFile(join(clone.dir, 'wrong.yaml'), 'text: 1.10\ntims: 3\n');
  await writeFile(join(clone.dir, 'list.yaml'), '- a\n');
});
afterAll(() => clone.remove());

const rh = (...args: readonly string[]) => runInPipe(clone, ['--sandbox', 'on', ...args], ENV);

test('run: files, then --set; commands, checks and success checks have the values, and events what ran', async () => {
  const text = 'a "b"\n$(touch broken) \'c\'';
  const flags = ['--inputs', 'inputs.yaml', '--set', `text=${text}`, '--set', 'zone=south'];
  const ran = await rh('run', FILE, ...flags, ...MEMORY, '--json');
  const report = JSON.parse(ran.stdout);
  expect([ran.code, report.status, report.proof]).toEqual([
    0,
    'completed',
    { tasks: 1, verified: 1, held_before: 0, not_known: 0 },
  ]);
  expect(report.inputs).toEqual([
    { name: 'text', type: 'string', value: text },
    { name: 'times', type: 'number', value: '3' },
    { name: 'zone', type: 'choice', value: 'south' },
  ]);
  expect(await readFile(join(report.workspace, 'note.txt'), 'utf8')).toBe(text);
  const shown = await rh('run', FILE, ...flags, ...MEMORY);
  expect(shown.stdout).toContain('inputs: text=a "b"');
}, 120_000);

test('plan shows what would run, and starts nothing', async () => {
  const { code, stdout } = await rh('plan', FILE, '--set', 'text=hello', '--set', 'zone=south');
  expect([code, stdout]).toEqual([0, expect.stringContaining('deploy-note_agent-wave1: Write hello in the south.')]);
});

test.each<[string, readonly string[], readonly string[]]>([
  [
    'missing ones are all named, with the flag',
    [],
    [`${FILE}:5:1: 2 inputs have no value: text, zone; give them: --set text=… --set zone=…, or --inputs FILE`],
  ],
  [
    'an unknown one has one suggestion',
    ['--set', 'tex=a'],
    ['--set tex: the mission has no input "tex"; did you mean "text"?'],
  ],
  [
    'a wrong type says what was given and what is wanted',
    ['--set', 'text=a', '--set', 'zone=soth', '--set', 'times=many'],
    [
      '--set times: the input "times" is "many"; give a number, such as 8080 or 0.5',
      '--set zone: the input "zone" is "soth"; did you mean "south"?',
    ],
  ],
  [
    'those of a file have its line',
    ['--inputs', 'wrong.yaml', '--set', 'zone=south'],
    [
      'wrong.yaml:2:1: the mission has no input "tims"; did you mean "times"?',
      'wrong.yaml:1:1: the input "text" is 1.1, a number; give text; put it in quotes',
    ],
  ],
  ['a file of another form', ['--inputs', 'list.yaml'], ['list.yaml:1:1: the file is a list; give keys with values']],
  ['a file that is not there', ['--inputs', 'none.yaml'], ['the inputs cannot be read: ']],
  ['a flag without a name', ['--set', 'canary-hunter2'], ['--set must be NAME=VALUE']],
])(
  '%s: exit code 2',
  async (_, flags, lines) => {
    const { code, stdout, stderr } = await rh('plan', FILE, ...flags);
    expect([code, stdout]).toEqual([2, '']);
    // It may be a secret.
    expect(stderr).not.toContain('canary');
    for (const line of lines) expect(stderr).toContain(line);
  },
  120_000,
);

test.each(['run', 'submit'])('%s without them starts nothing', async (command) => {
  const { code, stdout, stderr } = await rh(command, FILE);
  expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining('2 inputs have no value: text, zone')]);
});

test('run warns of commands that read what no input gives, of checks and of planned playbooks', async () => {
  const typo = MISSION.replace('note.txt)" = "$INPUT_TEXT" ]\'', 'note.txt)" = "$INPUT_TXT" ]\'')
    .replace('name: text, description: What to write', 'name: word')
    .replaceAll('inputs.text', 'inputs.word')
    .replace('"$INPUT_TIMES"', '"$INPUT_TIMS"')
    .replace('- { name: times,', '- { name: more, required: false }\n  - { name: times,')
    .replace('test "$INPUT_TIMS"', 'test -z "$INPUT_MORE" && test "$INPUT_TIMS"');
  await writeFile(join(clone.dir, 'missions/typo.yaml'), typo);
  const { stderr } = await rh('run', 'missions/typo.yaml', '--set', 'word=a', '--set', 'zone=south', ...MEMORY);
  const others = 'which no input gives; use one of: INPUT_WORD, INPUT_MORE, INPUT_TIMES, INPUT_ZONE';
  expect(stderr.split('\n').filter((line) => line.startsWith('warning: missions/typo.yaml: '))).toEqual([
    `warning: missions/typo.yaml: a command of deploy-note_agent-wave1 reads $INPUT_TXT, ${others}`,
    `warning: missions/typo.yaml: a command of deploy-note_agent-wave1 reads $INPUT_TEXT, ${others}`,
    'warning: missions/typo.yaml: a success check reads $INPUT_TIMS, which no input gives; did you mean "INPUT_TIMES"?',
  ]);
}, 120_000);

test('start takes those of the default mission, and a role none', async () => {
  const own = await readFile(join(clone.dir, 'missions/ravenhelm-platform.yaml'), 'utf8');
  await writeFile(
    join(clone.dir, 'missions/ravenhelm-platform.yaml'),
    `inputs: [{ name: port, type: number }]\n${own}`,
  );
  const { code, stderr } = await rh('start', '--exit', '--set', 'port=x', ...MEMORY);
  expect([code, stderr]).toEqual([2, expect.stringContaining('--set port: the input "port" is "x"')]);
  const role = await rh('start', '--role', 'worker', '--set', 'port=1');
  expect([role.code, role.stderr]).toEqual([2, expect.stringContaining('--set and --inputs mean nothing')]);
});

test('retry takes inputs with a changed file only', async () => {
  const { code, stderr } = await rh('retry', 'last', '--set', 'text=a');
  expect([code, stderr]).toEqual([2, expect.stringContaining('retry last --edit FILE')]);
  const wrong = await rh('retry', 'last', '--edit', FILE, '--set', 'canary-hunter2');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--set must be NAME=VALUE')]);
  expect(wrong.stderr).not.toContain('canary');
});

test('a secret is given by its name: a command reads its file, and its value is in no event and no line', async () => {
  const { code, stdout, stderr } = await rh(
    'run',
    'missions/deploy.yaml',
    '--set',
    'token=DEPLOY_TOKEN',
    ...MEMORY,
    '--json',
  );
  const report = JSON.parse(stdout);
  expect([code, report.status]).toEqual([0, 'completed']);
  expect(await readFile(join(report.workspace, 'path.txt'), 'utf8')).toBe('/run/secrets/DEPLOY_TOKEN\n');
  expect(await readFile(join(report.workspace, 'bytes.txt'), 'utf8')).toBe(`${TOKEN.length}\n`);
  expect(stdout + stderr).not.toContain(TOKEN);
  const refused = await rh('run', 'missions/deploy.yaml', '--set', 'token=OTHER_TOKEN', ...MEMORY);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining(
      'no agent of the mission has the secret that the input "token" names; give one that they have: DEPLOY_TOKEN; ' +
        'or add it to secrets',
    ),
  ]);
  expect(refused.stderr).not.toContain('OTHER_TOKEN');
  const given = await rh('run', 'missions/deploy.yaml', '--set', 'token=hunter2-hunter2', ...MEMORY);
  expect([given.code, given.stderr]).toEqual([2, expect.not.stringContaining('hunter2')]);
}, 120_000);

test('on a terminal the person is asked for those that are missing, again where a value is none', async () => {
  const terminal = startOnTerminal(clone, ['plan', FILE, '--set', 'times=3'], { env: ENV, columns: 160 });
  await terminal.shows('text (What to write): ');
  terminal.type('hello\r');
  await terminal.shows('zone (one of: north, south): ');
  terminal.type('soth\r');
  await terminal.shows('zone is "soth"; did you mean "south"?');
  terminal.type('south\r');
  expect(await terminal.exit).toBe(0);
  expect(terminal.output()).toContain('Write hello in the south.');
}, 60_000);

test('on a terminal an empty answer gives no value, and Ctrl-C ends the question', async () => {
  const silent = startOnTerminal(clone, ['plan', FILE, '--set', 'text=a'], { env: ENV, columns: 160 });
  await silent.shows('zone (one of: north, south): ');
  silent.type('\r');
  expect(await silent.exit).toBe(2);
  expect(silent.output()).toContain('an input has no value: zone');
  const stopped = startOnTerminal(clone, ['plan', FILE], { env: ENV, columns: 160 });
  await stopped.shows('text (What to write): ');
  stopped.interrupt();
  expect(await stopped.exit).toBe(130);
}, 60_000);

test('a text of strangers that an agent would follow is a warning with its place', async () => {
  const lines = MISSION.replace('retries: 0', 'retries: 0\ntrust: { brief: false }');
  await writeFile(join(clone.dir, 'missions/ticket.yaml'), lines);
  const { stderr } = await rh('run', 'missions/ticket.yaml', '--set', 'text=a', '--set', 'zone=south', ...MEMORY);
  expect(stderr).toMatch(
    /^warning: missions\/ticket\.yaml:14:\d+: the agent follows the description, which has the input "text"/m,
  );
}, 120_000);
