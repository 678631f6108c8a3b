import { Ajv } from 'ajv';
import { portableSchema, SchemaNotPortable } from '../../src/agent/portable-schema.js';
import { planReplyJsonSchema } from '../../src/agent/plan-reply.js';
import { createStepSchema } from '../../src/agent/step-schema.js';
import { TOOL_DEFINITIONS } from '../../src/tools/definitions.js';
import { TOOLS } from './fakes.js';

const schema = createStepSchema(TOOLS);
const parse = (reply: unknown) => schema.parse(JSON.stringify(reply));
const command = { tool: 'execute_terminal_command', arguments: { command: 'ls', timeout: null } };

/** All objects in a schema. */
function nodes(value: unknown): readonly Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(nodes);
  if (typeof value !== 'object' || value === null) return [];
  return [{ ...value }, ...Object.values(value).flatMap(nodes)];
}

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
    expect(parse({ thought: 't', action: command })).toEqual({
      ok: true,
      value: { thought: 't', tool: 'execute_terminal_command', arguments: { command: 'ls' } },
    });
  });
});

describe('a reply', () => {
  test.each([
    ['wrapped', { thought: 't', action: { tool: 'workspace_read', arguments: { path: 'a' } } }],
    ['flat', { thought: 't', tool: 'workspace_read', arguments: { path: 'a' } }],
  ])('may come %s', (_, reply) => {
    expect(parse(reply)).toEqual({
      ok: true,
      value: { thought: 't', tool: 'workspace_read', arguments: { path: 'a' } },
    });
  });

  test.each([
    [
      'with outputs as a list',
      { thought: 't', action: { finish: { summary: 's', outputs: [{ name: 'a', value: 'b' }] } } },
    ],
    ['with outputs as a map', { thought: 't', finish: { summary: 's', outputs: { a: 'b' } } }],
    ['as a tool', { thought: 't', tool: 'finish', arguments: { summary: 's', outputs: { a: 'b' } } }],
  ])('may finish %s', (_, reply) => {
    expect(parse(reply)).toEqual({
      ok: true,
      value: { thought: 't', tool: 'finish', arguments: { summary: 's', outputs: { a: 'b' } } },
    });
  });

  test.each<[string, unknown, string]>([
    ['that is a list', [], 'one JSON object'],
    ['without a thought', { tool: 'workspace_read', arguments: { path: 'a' } }, 'thought'],
    ['without a tool', { thought: 't' }, 'tool'],
    ['with an unknown key', { thought: 't', tool: 'workspace_read', arguments: { path: 'a' }, extra: 1 }, 'extra'],
    [
      'with an unknown tool',
      { thought: 't', tool: 'rm', arguments: {} },
      'use one of: execute_terminal_command, workspace_read, finish',
    ],
    ['with outputs that are not text', { thought: 't', finish: { summary: 's', outputs: { port: 80 } } }, 'outputs'],
  ])('%s is refused with the reason', (_, reply, reason) => {
    const parsed = parse(reply);
    expect(parsed.ok).toBe(false);
    expect(!parsed.ok && parsed.reason).toContain(reason);
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
