import { Ajv2020 } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ strict: false });

/**
 * What a model constrained by a hosted API's schema would write for a value: the way there of which the adapter's
 * decoding is the way back. The fake servers use it, so that scripts say replies in their natural shape. Returns null
 * when the value does not fit the schema.
 */
export function strictText(schema: unknown, value: unknown): string | null {
  const reply = property(schema, 'properties', 'reply');
  const [written] = write(reply, value);
  const whole = { reply: written };
  return ajv.validate(asObject(schema), whole) ? JSON.stringify(whole) : null;
}

/** Every way to write a value by a schema that fits it, best first. */
function write(schema: unknown, value: unknown): readonly unknown[] {
  const variants = property(schema, 'anyOf');
  if (Array.isArray(variants)) return variants.flatMap((variant) => write(variant, value));
  const candidate = writePlain(schema, value);
  return ajv.validate(asObject(schema), candidate) ? [candidate] : [];
}

function writePlain(schema: unknown, value: unknown): unknown {
  const items = property(schema, 'items');
  if (property(schema, 'type') === 'array') {
    if (Array.isArray(value)) return value.map((item: unknown) => write(items, item)[0]);
    const values = property(items, 'properties', 'value');
    if (isRecord(value) && values !== undefined) return Object.entries(value).map(([key, item]) => ({ key, value: write(values, item)[0] }));
  }
  const properties = property(schema, 'properties');
  if (isRecord(properties) && isRecord(value)) {
    const required: unknown = property(schema, 'required');
    const names = Object.keys(properties).filter((name) => name in value || (Array.isArray(required) && required.includes(name)));
    const known = names.map((name) => [name, write(properties[name], value[name] ?? null)[0]]);
    const unknown = Object.entries(value).filter(([name]) => !(name in properties));
    return Object.fromEntries([...known, ...unknown]);
  }
  const asJson = String(property(schema, 'description') ?? '').endsWith('(as JSON)');
  return asJson ? JSON.stringify(value) : value;
}

function property(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asObject(schema: unknown): object {
  if (!isRecord(schema)) throw new Error('no schema');
  return schema;
}

/**
 * What the hosted APIs refuse in a schema; null when they take it.
 * @param everyPropertyRequired OpenAI's rule
 */
export function strictSchemaFault(schema: unknown, everyPropertyRequired: boolean, path = 'schema'): string | null {
  if (!isRecord(schema)) return `${path} is no schema`;
  if (path === 'schema' && schema['type'] !== 'object') return 'the root must be an object';
  const unknown = Object.keys(schema).find((keyword) => !['type', 'description', 'properties', 'required', 'additionalProperties', 'items', 'anyOf', 'enum'].includes(keyword));
  if (unknown !== undefined) return `${path}: keyword ${unknown} is not supported`;
  if (schema['type'] === 'object') {
    if (schema['additionalProperties'] !== false) return `${path}: additionalProperties must be false`;
    const properties = Object.keys(asObject(schema['properties']));
    const required: unknown = schema['required'];
    if (!Array.isArray(required)) return `${path}: required is missing`;
    const left = properties.find((name) => !required.includes(name));
    if (everyPropertyRequired && left !== undefined) return `${path}: property ${left} must be required`;
  } else if (schema['type'] === undefined && schema['anyOf'] === undefined && schema['enum'] === undefined) {
    return `${path}: type is missing`;
  }
  const children: [string, unknown][] = [
    ...Object.entries(isRecord(schema['properties']) ? schema['properties'] : {}),
    ...(schema['items'] === undefined ? [] : ([['items', schema['items']]] satisfies [string, unknown][])),
    ...(Array.isArray(schema['anyOf']) ? schema['anyOf'].map((variant: unknown, index): [string, unknown] => [`anyOf.${index}`, variant]) : []),
  ];
  for (const [name, child] of children) {
    const fault = strictSchemaFault(child, everyPropertyRequired, `${path}.${name}`);
    if (fault !== null) return fault;
  }
  return null;
}
