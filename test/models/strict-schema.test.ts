import { fromStrictReply } from '../../src/models/strict-decode.js';
import { jsonSchema, toStrictSchema, type JsonSchema } from '../../src/models/strict-schema.js';
import { strictSchemaFault, strictText } from '../support/strict-value.js';
import { finish, schema as loopSchema, step } from './fixtures.js';

const object = (properties: Record<string, JsonSchema>, required: readonly string[] = Object.keys(properties)): JsonSchema => ({ type: 'object', properties, required, additionalProperties: false });

const cases: readonly (readonly [what: string, schema: JsonSchema, values: readonly unknown[]])[] = [
  ['the loop\'s choice of a step or a finish', jsonSchema.parse(loopSchema), [step, finish, { ...step, arguments: { command: 'ls', timeout: 5 } }]],
  ['a map of strings', object({ outputs: { type: 'object', additionalProperties: { type: 'string' } } }), [{ outputs: {} }, { outputs: { a: '1', 'b c': '' } }]],
  ['a map of objects with maps', object({ m: { type: 'object', additionalProperties: object({ n: { type: 'object', additionalProperties: { type: 'integer' } } }) } }), [{ m: { x: { n: { y: 1 } } } }]],
  ['values of any type', object({ any: {} }), [{ any: 'text' }, { any: { a: [1, null] } }, { any: 5 }, { any: '5 apples' }]],
  ['an open object', object({ arguments: { type: 'object' } }), [{ arguments: { command: 'ls', n: 3, deep: { a: true } } }]],
  ['optional properties', object({ a: { type: 'string' }, b: { type: 'integer' } }, ['a']), [{ a: 'x' }, { a: 'x', b: 2 }]],
  ['an optional property that may be null itself', object({ a: { type: ['string', 'null'] } }, []), [{}, { a: 'x' }]],
  ['a required property that may be null', object({ a: { anyOf: [{ type: 'string' }, { type: 'null' }] } }), [{ a: null }, { a: 'x' }]],
  ['lists of choices', { type: 'array', items: { oneOf: [object({ kind: { const: 'a' }, n: { type: 'number' } }), object({ kind: { const: 'b' } })] } }, [[], [{ kind: 'b' }, { kind: 'a', n: 1.5 }]]],
  ['an enum', object({ e: { enum: ['x', 'y', null] } }), [{ e: 'y' }, { e: null }]],
  ['a map beside a list', { anyOf: [{ type: 'object', additionalProperties: { type: 'string' } }, { type: 'array', items: { type: 'string' } }] }, [{ a: 'b' }, ['a', 'b']]],
];

describe.each(['nullable', 'optional'] as const)('a strict schema with optional properties %s', (optionalAs) => {
  test.each(cases)('%s: the API takes the schema, and a reply by it comes back as it was meant', (_, schema, values) => {
    const strict = toStrictSchema(schema, optionalAs);
    expect(strictSchemaFault(strict, optionalAs === 'nullable')).toBeNull();
    for (const value of values) {
      const written = strictText(strict, value);
      if (written === null) throw new Error(`no reply by the strict schema says ${JSON.stringify(value)}`);
      expect(JSON.parse(fromStrictReply(schema, written))).toEqual(value);
    }
  });

  test('lengths, ranges and patterns are left out, descriptions stay', () => {
    const strict = toStrictSchema(object({ a: { type: 'string', description: 'a name', ...{ minLength: 3, pattern: '^x' } } }), optionalAs);
    expect(strict).toMatchObject({ properties: { reply: { properties: { a: { type: 'string', description: 'a name' } } } } });
    expect(JSON.stringify(strict)).not.toMatch(/minLength|pattern/);
  });
});

test.each(['{"reply": {"a": ', 'sorry', '[]', '{"a": 1}'])('text that is no reply by the schema comes back as it is: %s', (text) => {
  expect(fromStrictReply(object({ a: { type: 'number' } }), text)).toBe(text);
});
