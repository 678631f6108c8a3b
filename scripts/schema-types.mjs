/**
 * TypeScript types of an Avro record: the part of Avro that schemas/ uses (records, enums, unions, arrays, maps,
 * primitives and named references). A field with a default is there in every value that was read, so it is required.
 */

const PRIMITIVES = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  // Offsets and times: the codec refuses what is beyond Number.MAX_SAFE_INTEGER.
  long: 'number',
  float: 'number',
  double: 'number',
  bytes: 'Buffer',
  string: 'string',
};

/** The text of a module with one exported type for each named type of the schema, in the order of first use. */
export function typesOfSchema(schema) {
  const named = new Map();
  typeOf(schema, named, schema.name);
  return [...named.values()].join('\n');
}

/** The TypeScript type of an Avro type; named types are added to `named`. `place` is for the error only. */
function typeOf(type, named, place) {
  if (typeof type === 'string') return primitiveOrName(type, named, place);
  if (Array.isArray(type)) return type.map((branch) => typeOf(branch, named, place)).join(' | ');
  switch (type.type) {
    case 'record':
      return declare(type, named, () => recordOf(type, named));
    case 'enum':
      return declare(type, named, () => enumOf(type));
    case 'array':
      return `${inBrackets(typeOf(type.items, named, place))}[]`;
    case 'map':
      return `{ [key: string]: ${typeOf(type.values, named, place)} }`;
    default: // a primitive with a logical type, which is read as the primitive
      return typeOf(type.type, named, place);
  }
}

function primitiveOrName(name, named, place) {
  if (name in PRIMITIVES) return PRIMITIVES[name];
  if (named.has(name)) return name;
  throw new TypeError(`${place}: the type ${JSON.stringify(name)} is neither a primitive nor defined before its use`);
}

function declare({ name }, named, textOf) {
  if (typeof name !== 'string') throw new TypeError('a record or enum has no name');
  if (named.has(name)) throw new TypeError(`${name} is defined twice; refer to it by its name`);
  named.set(name, ''); // so that the record may refer to itself
  const text = textOf();
  named.delete(name); // the types that it needs come first
  named.set(name, text);
  return name;
}

function recordOf({ name, doc, fields }, named) {
  const lines = fields.map((field) => {
    const type = typeOf(field.type, named, `${name}.${field.name}`);
    const fallback = 'default' in field ? [`Default: ${JSON.stringify(field.default)}`] : [];
    return `${comment([field.doc, ...fallback], '  ')}  ${field.name}: ${type};\n`;
  });
  return `${comment([doc])}export interface ${name} {\n${lines.join('')}}\n`;
}

function enumOf({ name, doc, symbols }) {
  return `${comment([doc])}export type ${name} = ${symbols.map((symbol) => `'${symbol}'`).join(' | ')};\n`;
}

function comment(lines, indent = '') {
  const text = lines.filter((line) => line !== undefined).map((line) => line.replaceAll('*/', '*\\/'));
  return text.length === 0 ? '' : `${indent}/** ${text.join(' ')} */\n`;
}

const inBrackets = (type) => (type.includes(' | ') ? `(${type})` : type);
