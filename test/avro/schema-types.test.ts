import { typesOfSchema } from '../../scripts/schema-types.mjs';

/** A record of one field. */
const recordOf = (type: unknown, field: object = {}) => ({
  type: 'record',
  name: 'Sample',
  fields: [{ name: 'value', type, ...field }],
});
const fieldType = (type: unknown): string | undefined => / {2}value: (.*);\n/.exec(typesOfSchema(recordOf(type)))?.[1];

describe('the TypeScript types of an Avro schema', () => {
  test.each<[name: string, avro: unknown, typescript: string]>([
    ['null', 'null', 'null'],
    ['boolean', 'boolean', 'boolean'],
    ['int', 'int', 'number'],
    ['long', 'long', 'number'],
    ['double', 'double', 'number'],
    ['string', 'string', 'string'],
    ['a logical type', { type: 'long', logicalType: 'timestamp-millis' }, 'number'],
    ['a union', ['null', 'string'], 'null | string'],
    ['an array', { type: 'array', items: 'string' }, 'string[]'],
    ['an array of a union', { type: 'array', items: ['null', 'int'] }, '(null | number)[]'],
    ['an optional array', ['null', { type: 'array', items: 'string' }], 'null | string[]'],
    ['a map', { type: 'map', values: 'string' }, '{ [key: string]: string }'],
    ['a map of arrays', { type: 'map', values: { type: 'array', items: 'int' } }, '{ [key: string]: number[] }'],
    ['an enum', { type: 'enum', name: 'Colour', symbols: ['red'] }, 'Colour'],
    ['a record', { type: 'record', name: 'Inner', fields: [] }, 'Inner'],
  ])('%s', (_, avro, typescript) => {
    expect(fieldType(avro)).toBe(typescript);
  });

  test('named types come before the record that uses them, each once, with their docs and defaults as comments', () => {
    const check = {
      type: 'record',
      name: 'Check',
      doc: 'A command.',
      fields: [{ name: 'name', type: 'string', doc: 'Ends with */.' }],
    };
    const kind = { type: 'enum', name: 'Kind', doc: 'What kind.', symbols: ['task', 'verify'] };
    expect(
      typesOfSchema({
        type: 'record',
        name: 'Task',
        fields: [
          { name: 'checks', type: { type: 'array', items: check }, doc: 'What proves it.' },
          { name: 'more', type: ['null', { type: 'array', items: 'Check' }], default: null },
          { name: 'kind', type: kind, default: 'task', doc: 'Its kind.' },
        ],
      }),
    ).toBe(`/** A command. */
export interface Check {
  /** Ends with *\\/. */
  name: string;
}

/** What kind. */
export type Kind = 'task' | 'verify';

export interface Task {
  /** What proves it. */
  checks: Check[];
  /** Default: null */
  more: null | Check[];
  /** Its kind. Default: "task" */
  kind: Kind;
}
`);
  });

  test('a record may hold records of the same type', () => {
    expect(fieldType(['null', 'Sample'])).toBe('null | Sample');
  });

  test('a misspelled type is an error that names the field', () => {
    expect(() => typesOfSchema(recordOf('strng'))).toThrow(
      'Sample.value: the type "strng" is neither a primitive nor defined before its use',
    );
  });

  test('a name that is defined twice is an error that names it', () => {
    const inner = { type: 'record', name: 'Inner', fields: [] };
    expect(() => typesOfSchema(recordOf(['null', inner, inner]))).toThrow('Inner is defined twice');
  });
});
