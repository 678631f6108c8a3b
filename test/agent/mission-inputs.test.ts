/** The inputs of a mission file: what may be declared, what may be given, and what happens to it. */
import fc from 'fast-check';
import { ConfigError } from '../../src/agent/config-error.js';
import { readAgentFile } from '../../src/agent/agent-file.js';
import type { GivenInput } from '../../src/agent/input-values.js';
import { openMissionFile, type MissionFile } from '../../src/agent/mission-file.js';
import { parseMissionFile } from '../support/parse-mission-file.js';
import { createRoster } from '../../src/agent/roster.js';
import { SIZES } from '../../src/domain/sizes.js';
import { agentSpec } from './fakes.js';

const roster = createRoster([
  { ...agentSpec, name: 'web_agent' },
  {
    ...agentSpec,
    name: 'deploy_agent',
    secrets: ['DEPLOY_TOKEN'],
    playbooks: {
      push: {
        name: 'push',
        steps: [{ name: 'push', command: 'push --token-file "$INPUT_TOKEN_FILE"', unless: null }],
        acceptance: [],
      },
    },
  },
]);

/** As text, with its place. */
const set = (name: string, value: unknown, form: GivenInput['form'] = 'text'): GivenInput => ({
  name,
  value,
  form,
  problem: (message, fix) => ({ file: `--set ${name}`, line: null, column: null, message, fix }),
});

const BRIEF = 'brief: Serve ${{ inputs.domain }} on ${{inputs.port}}.';
const DOMAIN = '  - { name: domain, description: What to serve }';
const PORT = '  - { name: port, type: number, default: 8080 }';
const INPUTS = ['inputs:', DOMAIN, PORT];

const mission = (lines: readonly string[], ...given: readonly GivenInput[]): MissionFile =>
  openMissionFile(['name: web', ...lines].join('\n'), 'web.yaml', roster).withInputs(given, {
    howToGive: (names) => `give ${names.join(' and ')}`,
  });

function problems(lines: readonly string[], ...given: readonly GivenInput[]): readonly string[] {
  try {
    mission(lines, ...given);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message.split('\n').map((line) => line.replace(/^(web\.yaml:\d+):\d+/, '$1'));
    throw error;
  }
  return [];
}

const task = (text: string, fields = '') =>
  `plan: { waves: [{ tasks: [{ agent: web_agent, description: ${JSON.stringify(text)}${fields} }] }] }`;

describe('the inputs of a mission', () => {
  test('are put into the brief and into descriptions; those that are not given have their defaults', () => {
    const read = mission([BRIEF, ...INPUTS, task('Listen on ${{ inputs.port }}.')], set('domain', 'a.example'));
    expect(read.brief).toBe('Serve a.example on 8080.');
    expect(read.plan?.waves[0]?.tasks[0]?.description).toBe('Listen on 8080.');
    expect(read.inputs).toEqual([
      { name: 'domain', type: 'string', value: 'a.example', description: 'What to serve' },
      { name: 'port', type: 'number', value: '8080', description: '' },
    ]);
  });

  test('of two values for one input the last one counts', () => {
    const read = mission([BRIEF, ...INPUTS], set('domain', 'a'), set('port', '1'), set('domain', 'b'));
    expect(read.brief).toBe('Serve b on 1.');
  });

  test('a value is put in as it is: what it has of an expression or of a replacement stays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('${{ inputs.port }}', '$&', '$1', '\n', '"', "'", '$(id)', '`', 'x', '\\'), {
          maxLength: 8,
        }),
        (parts) => {
          const value = `v${parts.join('')}`;
          const read = mission([BRIEF, ...INPUTS], set('domain', value));
          expect(read.brief).toBe(`Serve ${value} on 8080.`);
          expect(read.inputs?.[0]?.value).toBe(value);
        },
      ),
    );
  });

  test('an optional input without a value leaves nothing in the text, and is not there', () => {
    const lines = ['brief: Serve${{ inputs.path }}.', 'inputs: [{ name: path, required: false }]'];
    expect(mission(lines)).toMatchObject({ brief: 'Serve.', inputs: [] });
  });

  test('expressions that are not about inputs stay, and so does one behind a second $', () => {
    const text = 'Keep ${{ github.ref }}, ${{ x }} and $${{ inputs.domain }}.';
    const read = mission([`brief: ${JSON.stringify(text)}`, ...INPUTS], set('domain', 'a'));
    expect(read.brief).toBe('Keep ${{ github.ref }}, ${{ x }} and ${{ inputs.domain }}.');
  });

  test('those that are missing are named all at once, with how to give them', () => {
    const lines = ['brief: b', 'inputs:', DOMAIN, '  - { name: zone, type: choice, options: [a, b] }', PORT];
    expect(problems(lines)).toEqual(['web.yaml:3: 2 inputs have no value: domain, zone; give domain and zone']);
    expect(
      openMissionFile(['name: w', ...lines].join('\n'), 'w', roster)
        .missing([])
        .map(({ name }) => name),
    ).toEqual(['domain', 'zone']);
    const [only] = problems(['brief: b', ...INPUTS]);
    expect(only).toBe('web.yaml:3: an input has no value: domain; give domain');
  });

  test.each<[string, GivenInput, string]>([
    ['unknown', set('domian', 'a'), '--set domian: the mission has no input "domian"; did you mean "domain"?'],
    ['nowhere near', set('zzz', 'a'), '--set zzz: the mission has no input "zzz"; use one of: domain, port'],
    ['no number', set('port', '80x'), '--set port: the input "port" is "80x"; give a number, such as 8080 or 0.5'],
    ['a number in quotes', set('port', '80', 'typed'), '--set port: the input "port" is "80"; give it without quotes'],
    [
      'no text',
      set('domain', 1.1, 'typed'),
      '--set domain: the input "domain" is 1.1, a number; give text; put it in quotes',
    ],
    ['a list', set('domain', [1], 'typed'), '--set domain: the input "domain" is a list; give text'],
    [
      'with a NUL',
      set('domain', 'a\0b'),
      '--set domain: the input "domain" has a NUL, which no variable can have; leave it out',
    ],
    [
      'with half a character',
      set('domain', 'a\ud800'),
      '--set domain: the input "domain" has half a character, which UTF-8 does not have; leave it out',
    ],
    [
      'with hidden characters',
      set('domain', 'a\u{e0041}'),
      '--set domain: the input "domain" has hidden characters; leave them out',
    ],
    [
      'redacted',
      set('domain', 'a [redacted: github token] b'),
      '--set domain: the input "domain" has a mark of what was redacted; ' +
        'give the text itself, or a secret as an input of type secret',
    ],
    [
      'a secret',
      set('domain', `ghp_${'a1'.repeat(18)}`),
      '--set domain: the input "domain" has a secret (github token), and everybody who may read the log would see it' +
        '; ' +
        'make it an input of type secret, and give the name of a secret of the workers',
    ],
  ])('a value that is %s is refused where it was given', (_, given, expected) => {
    const others = given.name === 'domain' ? [] : [set('domain', 'ok')];
    expect(problems([BRIEF, ...INPUTS], ...others, given)).toEqual([expected]);
  });

  test('read without values, the missing ones are named all the same', () => {
    const read = () => parseMissionFile(['name: web', BRIEF, ...INPUTS].join('\n'), 'web.yaml', roster);
    expect(read).toThrow('web.yaml:3:1: an input has no value: domain; give them in inputs: domain');
  });

  test('a mission without inputs takes none', () => {
    expect(problems(['brief: b'], set('a', 'b'))).toEqual(['--set a: the mission has no input "a"; leave it out']);
  });

  test('what an earlier mission had is left out where the file has it no more, and is read as typed text', () => {
    const before = [
      { ...set('old', 'x'), mayBeUnknown: true },
      { ...set('port', '9'), mayBeUnknown: true },
    ];
    expect(mission([BRIEF, ...INPUTS], ...before, set('domain', 'a')).brief).toBe('Serve a on 9.');
  });

  test('texts are judged with their values: too long, empty, and a secret that only both make', () => {
    const long = 'x'.repeat(SIZES.missionInputs - 1_000);
    const times = Math.ceil(SIZES.brief / long.length);
    const lines = [`brief: ${'${{ inputs.domain }}'.repeat(times)}`, 'inputs:', '  - { name: domain }'];
    expect(problems(lines, set('domain', long))).toEqual([
      `web.yaml:2: with its inputs it must have at most ${SIZES.brief} bytes ` +
        `(it has ${long.length * times}); shorten it`,
    ]);
    expect(problems(['brief: "${{ inputs.a }}"', 'inputs: [{ name: a, default: " " }]'])).toEqual([
      'web.yaml:2: with its inputs it is empty; give a value, or more text',
    ]);
    const halves = ['brief: Use ghp_${{ inputs.a }}', `inputs: [{ name: a, default: ${'b2'.repeat(18)} }]`];
    expect(problems(halves)).toEqual([
      'web.yaml:2: with its inputs it has a secret (github token); make it an input of type secret',
    ]);
    expect(problems(['brief: b', task('${{ inputs.a }}'), 'inputs: [{ name: a, default: " " }]'])).toEqual([
      'web.yaml:3: with its inputs it is empty; give a value, or more text',
    ]);
  });
});

const NAME_RULE =
  'web.yaml:3: "inputs[0].name": must be letters, digits and _, and begin with no digit: it becomes a variable';

describe('what a mission file declares', () => {
  const declared = (text: string) => problems(['brief: b', `inputs: [${text}]`]);

  test.each([
    ['{ name: 1a }', `${NAME_RULE}; change it (it is "1a")`],
    ['{ name: a-b }', `${NAME_RULE}; change it (it is "a-b")`],
    [
      '{ name: a, default: x }, { name: a, default: y }',
      'web.yaml:3: the input "a" is declared twice; rename one of them',
    ],
    [
      '{ name: a, default: x }, { name: A, default: y }',
      'web.yaml:3: the inputs "a" and "A" would both be INPUT_A; rename one of them',
    ],
    [
      '{ name: a, type: secret, default: AB }, { name: a_file, default: y }',
      'web.yaml:3: the inputs "a" and "a_file" would both be INPUT_A_FILE; rename one of them',
    ],
    ['{ name: a, type: choice }', 'web.yaml:3: the choice "a" has no options; list what it can be in options'],
    ['{ name: a, options: [x] }', 'web.yaml:3: the input "a" has options and is no choice; give it type: choice'],
    [
      '{ name: a, required: true, default: x }',
      'web.yaml:3: the input "a" is required and has a default; leave one of them out',
    ],
    ['{ name: a, type: nummer }', 'web.yaml:3: "inputs[0].type" is "nummer"; did you mean "number"?'],
    ['{ name: a, default: 1.10 }', 'web.yaml:3: the default of "a" is 1.1, a number; give text; put it in quotes'],
    [
      '{ name: a, type: number, default: x }',
      'web.yaml:3: the default of "a" is "x"; give a number, such as 8080 or 0.5',
    ],
    ['{ name: a, type: boolean, default: 1 }', 'web.yaml:3: the default of "a" is 1, a number; give true or false'],
    [
      '{ name: a, type: choice, options: [one, two], default: twoo }',
      'web.yaml:3: the default of "a" is "twoo"; did you mean "two"?',
    ],
    [
      '{ name: a, default: [x] }',
      'web.yaml:3: "inputs[0].default": must be text, a number, true or false; change it (it is a list)',
    ],
  ])('%s', (text, expected) => {
    expect(declared(text)).toEqual([expected]);
  });

  test.each<[string, string, unknown, GivenInput['form'], string]>([
    ['number', '', '1e3', 'text', '1000'],
    ['number', '', -0.5, 'typed', '-0.5'],
    ['boolean', '', 'true', 'text', 'true'],
    ['boolean', '', false, 'typed', 'false'],
    ['choice', ', options: [x, y z]', 'y z', 'text', 'y z'],
    ['string', ', required: false', '', 'text', ''],
    ['string', ', default: x', '', 'typed', ''],
    ['string', '', 'a\nb\t"\'$(x)', 'text', 'a\nb\t"\'$(x)'],
  ])('an input of type %s%s takes %j (%s)', (type, more, value, form, expected) => {
    const lines = ['brief: b', `inputs: [{ name: a, type: ${type}${more} }]`];
    expect(mission(lines, set('a', value, form)).inputs?.[0]?.value).toBe(expected);
  });

  test.each<[string, unknown, GivenInput['form'], string]>([
    ['number', '1e999', 'text', 'is no number with an end'],
    ['number', '12345678901234567890', 'text', 'is a whole number that would lose digits'],
    ['number', ' ', 'text', 'is " "'],
    ['number', '0x10', 'text', 'is "0x10"'],
    ['number', null, 'typed', 'is empty'],
    ['boolean', 'yes', 'text', 'is "yes"'],
    ['boolean', 'true', 'typed', 'is "true"'],
    ['string', true, 'typed', 'is true'],
    ['string', '', 'text', 'is empty'],
    ['string', {}, 'typed', 'is a map'],
  ])('an input of type %s refuses %j (%s)', (type, value, form, expected) => {
    const [problem = ''] = problems(['brief: b', `inputs: [{ name: a, type: ${type} }]`], set('a', value, form));
    expect(problem).toContain(`--set a: the input "a" ${expected}; `);
  });
});

describe('${{ }} in the paths of a task', () => {
  const fields = ', protected: ["conf/${{ inputs.domain }}.pem"], changes: ["./${{ inputs.domain }}/log", other]';
  const paths = (domain: string) => problems(['brief: b', ...INPUTS, task('d', fields)], set('domain', domain));

  test('has its value', () => {
    const read = mission(['brief: b', ...INPUTS, task('d', fields)], set('domain', 'a.example'));
    expect(read.plan?.waves[0]?.tasks[0]).toMatchObject({
      protected: ['conf/a.example.pem'],
      changes: ['a.example/log', 'other'],
    });
  });

  test.each([
    ['../..', ['"./../../log" is outside the workspace; give a path relative to the workspace']],
    ['*', ['"conf/*.pem" is a pattern;', '"*/log" is a pattern;']],
    ['x'.repeat(SIZES.path), ['with its inputs it must have at most', 'with its inputs it must have at most']],
  ])('is judged as a path with its value: %#', (domain, expected) => {
    expect(paths(domain)).toEqual(expected.map((text) => expect.stringContaining(`web.yaml:6: ${text}`)));
  });

  test('may not be the whole workspace, nor what a task beside it changes', () => {
    const protectedOnly = (text: string, more = '') =>
      `plan: { waves: [{ tasks: [{ agent: web_agent, description: d, protected: ["${text}"] }${more}] }] }`;
    const whole = protectedOnly('${{ inputs.domain }}');
    expect(problems(['brief: b', ...INPUTS, whole], set('domain', '.'))).toEqual([
      expect.stringContaining('the whole workspace cannot be protected'),
    ]);
    const optional = 'inputs: [{ name: domain, required: false }]';
    expect(problems(['brief: b', optional, whole], set('domain', ''))).toEqual([
      expect.stringContaining('with its inputs it is empty'),
    ]);
    const beside = protectedOnly('a', ', { agent: web_agent, description: e, changes: ["${{ inputs.domain }}"] }');
    expect(problems(['brief: b', ...INPUTS, beside], set('domain', 'b'))).toEqual([]);
    expect(problems(['brief: b', ...INPUTS, beside], set('domain', 'a'))).toEqual([
      expect.stringContaining('of the same wave changes it'),
    ]);
  });
});

describe('${{ }} where it cannot be', () => {
  const withTask = (text: string, fields = '') =>
    problems(['brief: b', ...INPUTS, task(text, fields)], set('domain', 'a'));
  const inBrief = (text: string) => problems([`brief: ${JSON.stringify(text)}`, ...INPUTS], set('domain', 'a'));

  test.each([
    ['${{ inputs.domian }}', 'the mission has no input "domian"; did you mean "domain"?'],
    [
      '${{ inputs }}',
      '"${{ inputs }}" is none of an input; write ${{ inputs.NAME }}, or $${{ … }} to keep it as it is',
    ],
    [
      '${{ inputs.domain || x }}',
      '"${{ inputs.domain || x }}" is none of an input; write ${{ inputs.NAME }}, or $${{ … }} to keep it as it is',
    ],
    [
      '${{ input.domain }}',
      '"${{ input.domain }}" is none of an input; write ${{ inputs.NAME }}, or $${{ … }} to keep it as it is',
    ],
    [
      '${{ domain }}',
      '"${{ domain }}" is none of an input; write ${{ inputs.NAME }}, or $${{ … }} to keep it as it is',
    ],
    [
      '${{ inputs.domain }',
      '"${{ inputs.domain }" is none of an input; write ${{ inputs.NAME }}, or $${{ … }} to keep it as it is',
    ],
  ])('in the brief: %s', (text, expected) => {
    expect(inBrief(text)).toEqual([`web.yaml:2: ${expected}`]);
  });

  test('in a command it is an error that names the variable', () => {
    expect(withTask('d', ', acceptance: [{ name: n, command: "curl ${{ inputs.domain }}" }]')).toEqual([
      'web.yaml:6: a command has "${{ inputs.domain }}": a value could change what it does, so nothing is put in; ' +
        'write "$INPUT_DOMAIN", the environment variable, in quotes ' +
        "('$''{{ … }}' keeps the text as it is)",
    ]);
    expect(problems(['brief: b', 'success: [{ name: n, command: "test ${{ inputs.x }}" }]'])).toEqual([
      expect.stringContaining('write "$INPUT_X", the environment variable, in quotes'),
    ]);
    const secret = ['brief: b', 'inputs: [{ name: t, type: secret, default: DEPLOY_TOKEN }]'];
    expect(problems([...secret, 'success: [{ name: n, command: "cat ${{ inputs.t }}" }]'])).toEqual([
      expect.stringContaining('write "$INPUT_T_FILE", the environment variable, in quotes'),
    ]);
    const kept = "grep -F '$''{{ inputs.domain }}' x";
    expect(withTask('d', `, acceptance: [{ name: n, command: ${JSON.stringify(kept)} }]`)).toEqual([]);
    expect(withTask('d', ', acceptance: [{ name: n, command: \'grep "${{ github.ref }}" x\' }]')).toEqual([]);
  });

  test("in a playbook's command it is the same error", () => {
    const agent = (command: string) => {
      const matter = {
        name: 'a',
        description: '${{ inputs.x }}',
        phase: 1,
        tools: ['run'],
        playbooks: { p: { steps: [{ name: 's', command }] } },
      };
      const text = `---\n${JSON.stringify(matter)}\n---\nYou.`;
      return readAgentFile({ text, digest: '' }, 'a.md', ['run']).problems.map(
        ({ message, fix }) => `${message}; ${fix}`,
      );
    };
    expect(agent('curl ${{ inputs.domain }}')).toEqual([
      expect.stringContaining('write "$INPUT_DOMAIN", the environment variable, in quotes'),
    ]);
    expect(agent('curl "$INPUT_DOMAIN"')).toEqual([]);
  });

  test('in any other text it is an error, too', () => {
    expect(withTask('d', ', acceptance: [{ name: "${{ inputs.domain }}", command: "true" }]')).toEqual([
      expect.stringContaining(
        '"${{ inputs.domain }}" is in a place where no value is put in: ' +
          'only the brief, descriptions, protected, changes and artifacts have values',
      ),
    ]);
  });
});

describe('an input of type secret', () => {
  const TOKEN = 'inputs: [{ name: token, type: secret, default: DEPLOY_TOKEN }]';
  const planned = (agent: string, fields: string) =>
    `plan: { waves: [{ tasks: [{ agent: ${agent}, description: d${fields} }] }, ` +
    '{ tasks: [{ agent: deploy_agent, description: d }] }] }';
  const reads = ', acceptance: [{ name: n, command: \'test -s "$INPUT_TOKEN_FILE"\' }]';

  test('has the name of a secret, which an agent of the mission has', () => {
    const read = mission(['brief: b', TOKEN, planned('deploy_agent', `, playbook: push${reads}`)]);
    expect(read.inputs).toEqual([{ name: 'token', type: 'secret', value: 'DEPLOY_TOKEN', description: '' }]);
    expect(mission(['brief: b', TOKEN, planned('web_agent', '')]).inputs).toHaveLength(1);
  });

  test.each(['hunter2-hunter2', 'lower', 'RAVENHELM_X', 'X_FILE'])(
    'does not take %s, and does not repeat it',
    (value) => {
      const [problem = ''] = problems(['brief: b', TOKEN], set('token', value));
      expect(problem).toContain(
        '--set token: the input "token" is no name of a secret; give the name under which the workers have it',
      );
      expect(problem.replace('--set token', '')).not.toContain(value);
    },
  );

  test('is refused where no agent of the mission has it, and not repeated, as it may be the secret itself', () => {
    const expected =
      'web.yaml:3: no agent of the mission has the secret that the input "token" names; give one that they have: ' +
      'DEPLOY_TOKEN; or add it to secrets in the file of the agent that needs it: agents/deploy_agent.md';
    expect(problems(['brief: b', TOKEN, planned('deploy_agent', '')], set('token', 'OTHER'))).toEqual([expected]);
    expect(problems(['brief: b', TOKEN, 'agents: [web_agent]'])).toEqual([
      'web.yaml:3: no agent of the mission has the secret that the input "token" names; ' +
        'add it to secrets in the file of the agent that needs it: agents/web_agent.md',
    ]);
  });

  test('is refused where a check or a playbook reads it of an agent that does not have it', () => {
    expect(problems(['brief: b', TOKEN, planned('web_agent', reads)])).toEqual([
      'web.yaml:4: a command of web_agent reads "$INPUT_TOKEN_FILE", and the agent does not have the secret ' +
        'DEPLOY_TOKEN; ' +
        'add it to secrets in agents/web_agent.md',
    ]);
    const success = 'success: [{ name: n, command: test -s $INPUT_TOKEN_FILE }]';
    expect(problems(['brief: b', TOKEN, planned('web_agent', ''), success])).toEqual([
      'web.yaml:5: success checks have no secrets, and this one reads $INPUT_TOKEN_FILE; make it a check of a task',
    ]);
  });

  test('is in no text', () => {
    expect(problems(['brief: Use ${{ inputs.token }}', TOKEN])).toEqual([
      'web.yaml:2: the input "token" is a secret, which no text shows; say that its file is "$INPUT_TOKEN_FILE"',
    ]);
  });
});

describe('an input of an untrusted brief that a description has too', () => {
  const TICKET = ['inputs:', '  - { name: ticket, description: Text of the customer }', PORT];
  const quotes = 'brief: "The ticket says ${{ inputs.ticket }} on ${{ inputs.port }}."';
  const cautions = (lines: readonly string[]) => mission(lines, set('ticket', 'delete all')).cautions ?? [];

  test('is to be looked at: the agent follows what strangers wrote', () => {
    const lines = [
      quotes,
      'trust: { brief: false }',
      ...TICKET,
      task('Do ${{ inputs.ticket }} on ${{ inputs.port }}.'),
    ];
    expect(cautions(lines)).toEqual([
      {
        file: 'web.yaml',
        line: 7,
        column: expect.any(Number),
        message: expect.stringContaining('the agent follows the description, which has the input "ticket"'),
        fix: expect.stringContaining('leave it to the brief'),
      },
    ]);
  });

  test.each([
    ['the brief is trusted', [quotes, ...TICKET, task('Do ${{ inputs.ticket }}.')]],
    ['it is no text', [quotes, 'trust: { brief: false }', ...TICKET, task('Do it on ${{ inputs.port }}.')]],
    ['only the brief has it', [quotes, 'trust: { brief: false }', ...TICKET, task('Do what the ticket says.')]],
    [
      'only the description has it',
      ['brief: Do the work.', 'trust: { brief: false }', ...TICKET, task('Do ${{ inputs.ticket }}.')],
    ],
  ])('is no caution where %s', (_, lines) => {
    expect(cautions(lines)).toEqual([]);
  });
});
