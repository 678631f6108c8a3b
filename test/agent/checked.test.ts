import { z } from 'zod';
import { checkedOptions, optionIn } from '../../src/agent/checked-options.js';
import { checksSchema, textWithin } from '../../src/agent/checked-values.js';
import { readAgentFile } from '../../src/agent/agent-file.js';
import { readPlanReply } from '../../src/agent/plan-reply.js';
import { taskText } from '../../src/agent/prompt-text.js';
import { SIZES } from '../../src/domain/sizes.js';
import { agentSpec, loopTask } from './fakes.js';
import { callOf, readText } from './reading/support.js';

describe('options of the library', () => {
  const schema = z.strictObject({ drainMs: z.number('it must be a number').default(1) });

  test.each([
    [{ drainMs: 'x' }, 'make: drainMs: it must be a number. Correct it.'],
    [{ drainMS: 1 }, 'make: drainMS: there is no such option. Did you mean drainMs?'],
    [{ other: 1 }, 'make: other: there is no such option. Omit it.'],
    [null, 'make: options: '],
  ])('%j is refused by name', (options, message) => {
    expect(() => checkedOptions(schema, options, 'make')).toThrow(message);
  });

  test('are within their range', () => {
    expect(optionIn('createSwarm drainMs').parse(0)).toBe(0);
    expect(() => optionIn('createSwarm drainMs').parse(-1)).toThrow(/it must be/);
  });

  test('have their defaults', () => {
    expect(checkedOptions(schema, {}, 'make')).toEqual({ drainMs: 1 });
  });
});

describe('sizes of what people write', () => {
  test('a text that is too long is refused with both sizes', () => {
    expect(() => textWithin(3).parse('four')).toThrow(/at most 3 bytes \(it has 4\)/);
  });

  test('checks that are too large together are refused with both sizes', () => {
    const check = { name: 'n', command: 'x'.repeat(SIZES.command - 1) };
    const count = Math.ceil(SIZES.checks / SIZES.command) + 1;
    expect(() => checksSchema.parse(Array.from({ length: count }, () => check))).toThrow(
      /bytes in all \(they have \d+\)/,
    );
  });
});

test('a plan as a tool call is read like a plan as text', () => {
  const plan = {
    strategy: 's',
    waves: [{ rationale: 'r', tasks: [{ agent: agentSpec.name, description: 'Do it.' }] }],
    success_criteria: [],
    risks: [],
    notes: [],
  };
  const scope = { roster: [agentSpec], agents: [agentSpec.name], done: [] };
  const asText = readPlanReply({ text: JSON.stringify(plan) }, scope, 1);
  const asCall = readPlanReply({ text: '', toolCalls: [{ name: 'plan', arguments: plan }] }, scope, 1);
  expect({ ...asCall, repairs: [] }).toEqual({ ...asText, repairs: [] });
  for (const wrapped of [{ plan }, { plan: JSON.stringify(plan) }, { name: 'plan', arguments: plan }])
    expect({ ...readPlanReply({ text: JSON.stringify(wrapped) }, scope, 1), repairs: [] }).toEqual({
      ...asText,
      repairs: [],
    });
});

test('a task text names what must not be changed, without what the task changes', () => {
  const protection = {
    listed: ['test'],
    named: ['src/a.js', 'src/gen/b.js'].map((path) => ({ path, isPattern: false, isFileOnly: false })),
    changes: ['src/gen'],
    beside: { changes: ['src'], creates: [] },
  };
  expect(taskText(loopTask({ protection }), [])).toContain('a change fails the task: test, src/a.js');
});

test('the case of a word from a fixed set does not matter', () => {
  const write = { tool: 'workspace_write', arguments: { path: 'a', content: 'b', mode: 'APPEND' } };
  expect(callOf(readText(JSON.stringify({ thought: 't', action: write })))).toContain('"mode":"append"');
});

test('an agent file that names a tool or a dependency twice is refused with the place', () => {
  const lines = [
    '---',
    'name: a',
    'description: d',
    'phase: 1',
    'tools: [run, run]',
    'depends_on: [b, b]',
    '---',
    'You.',
  ];
  const { problems } = readAgentFile({ text: lines.join('\n'), digest: '' }, 'a.md', ['run']);
  expect(problems.map(({ line, message }) => [line, message])).toEqual([
    [5, 'the tool "run" is named twice'],
    [6, 'the dependency "b" is named twice'],
  ]);
});
