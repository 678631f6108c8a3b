/** The inputs of a mission on their way to commands: in requests, assignments, prompts and variables. */
import {
  inputsFault,
  inputsNotGiven,
  inputsReadBy,
  inputsText,
  inputVariables,
  type MissionInput,
} from '../../src/domain/mission-inputs.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { SIZES } from '../../src/domain/sizes.js';
import { instructionsOf, withoutInstructions } from '../../src/domain/task-instructions.js';
import { claimed, given, ID, only, opened, planOf, requested } from './support/mission-log.js';

const input = (name: string, value: string, type = 'string', description = ''): MissionInput => ({
  name,
  type,
  value,
  description,
});
const DOMAIN = input('domain', 'a.example');
const TOKEN = input('token', 'DEPLOY_TOKEN', 'secret');

test('every assignment of a mission carries its inputs and requires a build that knows them', () => {
  const log = given(
    claimed(),
    opened(),
    requested({ plan: planOf([['cert_agent']]), inputs: [DOMAIN, TOKEN], requires: ['inputs'] }),
  );
  const assigned = only('task_assigned', log.settle());
  expect(assigned).toMatchObject({ mission_inputs: [DOMAIN, TOKEN], requires: ['inputs'] });
  expect(reportMission(log.mission()).inputs).toEqual([
    { name: 'domain', type: 'string', value: 'a.example' },
    { name: 'token', type: 'secret', value: 'DEPLOY_TOKEN' },
  ]);
  expect(instructionsOf(assigned).mission_inputs).toEqual([DOMAIN, TOKEN]);
  expect(withoutInstructions(assigned).mission_inputs).toEqual([]);
  expect(assigned.mission_id).toBe(ID);
});

test('a mission without inputs requires nothing', () => {
  const log = given(claimed(), opened(), requested({ plan: planOf([['cert_agent']]) }));
  expect(only('task_assigned', log.settle())).toMatchObject({ mission_inputs: [], requires: [] });
});

test('a secret is a variable only where the agent may have it, with the path of its file', () => {
  expect(inputVariables([DOMAIN, TOKEN], ['DEPLOY_TOKEN', 'OTHER'])).toEqual({
    INPUT_DOMAIN: 'a.example',
    INPUT_TOKEN_FILE: '/run/secrets/DEPLOY_TOKEN',
  });
  expect(inputVariables([DOMAIN, TOKEN], ['OTHER'])).toEqual({ INPUT_DOMAIN: 'a.example' });
});

test('commands that read a secret which the agent may not have are found by the whole name', () => {
  const found = (command: string, secrets: readonly string[] = []) =>
    inputsNotGiven([command], [DOMAIN, TOKEN], secrets);
  for (const command of ['cat "$INPUT_TOKEN_FILE"', 'cat ${INPUT_TOKEN_FILE:?}', 'printenv INPUT_TOKEN_FILE'])
    expect(found(command)).toEqual([TOKEN]);
  for (const command of ['echo $INPUT_DOMAIN', 'echo $INPUT_TOKEN_FILES', 'echo $MY_INPUT_TOKEN_FILE'])
    expect(found(command)).toEqual([]);
  expect(found('cat "$INPUT_TOKEN_FILE"', ['DEPLOY_TOKEN'])).toEqual([]);
});

test.each<[string, readonly string[]]>([
  ['test "$INPUT_PORT" = 80 && curl ${INPUT_HOST}', ['INPUT_PORT', 'INPUT_HOST']],
  ['echo ${INPUT_A:?} ${#INPUT_A} ${INPUT_B%%.*}', ['INPUT_A', 'INPUT_B']],
  ['echo "${INPUT_A:-1}" "${INPUT_B-}" "${INPUT_C:+x}" "${INPUT_D:=y}"', []],
  ['INPUT_A=1; echo "$INPUT_A"; for INPUT_B in 1 2; do echo $INPUT_B; done', []],
  ['read -r INPUT_A < f; echo "$INPUT_A"; echo $MY_INPUT_X INPUT_Y', []],
])('a command reads inputs that it does not give itself: %s', (command, expected) => {
  expect(inputsReadBy(command)).toEqual(expected);
});

test('a model reads which variables there are and what they are, and no value', () => {
  const inputs = [input('domain', 'a.example', 'string', 'What to serve'), input('port', '80'), TOKEN];
  expect(inputsText(inputs, ['DEPLOY_TOKEN'])).toEqual([
    '# Inputs\nCommands and checks have these environment variables. Read them in quotes, such as "$INPUT_DOMAIN":\n' +
      '- INPUT_DOMAIN: What to serve\n- INPUT_PORT\n' +
      '- INPUT_TOKEN_FILE: the path of a file with a secret; never print or copy what is in it',
  ]);
  expect(inputsText([TOKEN], [])).toEqual([]);
  expect(inputsText([TOKEN], null)[0]).toContain('INPUT_TOKEN_FILE');
});

test.each<[string, readonly MissionInput[], string]>([
  ['a name that is no variable', [input('a b', '')], 'the input "a b" cannot be a variable'],
  ['an empty name', [input('', '')], 'the input "" cannot be a variable'],
  ['a name with a line break', [input('a\nb', '')], 'the input "a\\nb" cannot be a variable'],
  ['a NUL', [input('a', 'x\0--bind\0/\0/host')], 'the input a has a NUL, which no variable can have'],
  [
    'a redacted value',
    [input('a', '[redacted: configured secret]')],
    'the input a had a secret, which was redacted; give it as an input of type secret',
  ],
  ['two of one variable', [input('a', ''), input('A', '')], 'two inputs are INPUT_A'],
  [
    'too many',
    Array.from({ length: SIZES.inputsCount + 1 }, (_, index) => input(`a${index}`, '')),
    `there are ${SIZES.inputsCount + 1} inputs, and at most ${SIZES.inputsCount} fit`,
  ],
  [
    'too much',
    [input('a', 'x'.repeat(SIZES.missionInputs))],
    `the inputs have ${SIZES.missionInputs + 1} bytes, and at most ${SIZES.missionInputs} fit`,
  ],
])('of another program: %s', (_, inputs, fault) => {
  expect(inputsFault(inputs)).toBe(fault);
  expect(inputsFault([DOMAIN, TOKEN])).toBeNull();
  expect(inputsFault(Array.from({ length: SIZES.inputsCount }, (__, index) => input(`a${index}`, '')))).toBeNull();
});
