import { Ajv } from 'ajv';
import { portableSchema, SchemaNotPortable } from '../../src/agent/portable-schema.js';
import { planReplyJsonSchema } from '../../src/agent/plan-reply.js';
import { createStepSchema, stepSchemaOf } from '../../src/agent/step-schema.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { TOOLS } from './fakes.js';

const schema = createStepSchema(TOOLS);
const parse = (reply: unknown) => schema.read({ text: JSON.stringify(reply) });
const command = { tool: 'execute_terminal_command', arguments: { command: 'ls', timeout: null } };

/** All objects in a schema. */
function nodes(value: unknown): readonly Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(nodes);
  if (typeof value !== 'object' || value === null) return [];
  return [{ ...value }, ...Object.values(value).flatMap(nodes)];
}

test('is made once for the same tools, and again for others, however many there are', () => {
  const [first] = TOOL_DEFINITIONS;
  if (first === undefined) throw new Error('there is no tool');
  const made = stepSchemaOf(TOOL_DEFINITIONS);
  expect(stepSchemaOf([...TOOL_DEFINITIONS])).toBe(made);
  expect(stepSchemaOf([first])).not.toBe(made);
  expect(stepSchemaOf([first]).tools.map(({ name }) => name)).toEqual([first.name, 'finish']);
  // Another tool with the same name is another tool.
  const renamed = { ...first, description: 'It is another one.' };
  expect(stepSchemaOf([renamed]).tools[0]).toMatchObject({ description: 'It is another one.' });
  for (let other = 0; other < 100; other += 1) stepSchemaOf([{ ...first, name: `tool_${other}` }]);
  expect(stepSchemaOf(TOOL_DEFINITIONS).jsonSchema).toEqual(made.jsonSchema);
});

describe.each([
  ['a step', schema.jsonSchema],
  ["a step with the project's tools", createStepSchema(TOOL_DEFINITIONS).jsonSchema],
  ['a plan', planReplyJsonSchema],
])('the JSON Schema of %s', (_, jsonSchema) => {
  test('has an object at its root, without anyOf, which OpenAI refuses there', () => {
    expect(jsonSchema).toMatchObject({ type: 'object', additionalProperties: false });
    expect(jsonSchema).not.toHaveProperty('anyOf');
  });

  test('closes every object and requires all of its properties', () => {
    for (const node of nodes(jsonSchema).filter((one) => one['type'] === 'object')) {
      expect(node['additionalProperties']).toBe(false);
      expect(node['required']).toEqual(Object.keys(Object(node['properties'])));
    }
  });

  test('uses no keyword that one of the providers refuses', () => {
    const text = JSON.stringify(jsonSchema);
    for (const keyword of [
      'minimum',
      'maximum',
      'minLength',
      'pattern',
      'default',
      '$schema',
      '$ref',
      'oneOf',
      'allOf',
      'const',
      'propertyNames',
    ])
      expect(text).not.toContain(`"${keyword}":`);
  });
});

describe('the schema of a step', () => {
  const valid = new Ajv({ strict: false }).compile(schema.jsonSchema);

  test('connects a tool with its own arguments', () => {
    expect(valid({ thought: 't', action: command })).toBe(true);
    expect(valid({ thought: 't', action: { ...command, tool: 'workspace_read' } })).toBe(false);
    expect(valid({ thought: 't', action: { finish: { summary: 's', outputs: [{ name: 'a', value: 'b' }] } } })).toBe(
      true,
    );
  });

  test('lets the model set optional arguments to null', () => {
    expect(parse({ thought: 't', action: command })).toMatchObject({
      ok: true,
      value: { thought: 't', tool: 'execute_terminal_command', arguments: { command: 'ls' } },
      repairs: [],
    });
  });
});

describe('the tools that a model is offered for calls in the form of its API', () => {
  test('are those of the step and finish, with the same arguments as in the schema', () => {
    expect(schema.tools.map(({ name }) => name)).toEqual(['execute_terminal_command', 'workspace_read', 'finish']);
    const variants = schema.jsonSchema.properties?.['action']?.anyOf?.map(
      (variant) => variant.properties?.['arguments'] ?? variant.properties?.['finish'],
    );
    expect(variants).toEqual(schema.tools.map(({ parameters }) => parameters));
  });
});

describe('a schema that not every provider accepts', () => {
  test.each([
    ['an open object', { type: 'object', additionalProperties: { type: 'string' } }],
    ['a part without a type', { type: 'object', properties: { a: {} } }],
    ['a reference', { type: 'object', properties: { a: { $ref: '#/x' } } }],
  ])('is refused: %s', (_, part) => {
    expect(() => portableSchema(part, 'tool.parameters')).toThrow(SchemaNotPortable);
  });
});
