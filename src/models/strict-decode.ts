import { ROOT, shapeOf, type JsonSchema } from './strict-schema.js';

/**
 * A reply that follows toStrictSchema(schema), turned back into the shape of the schema itself. Text that is no such
 * reply (cut in the middle, say) is returned as it is: the caller validates it and tells the model what is wrong.
 */
export function fromStrictReply(schema: JsonSchema, text: string): string {
  const reply = parse(text);
  if (!isRecord(reply) || !(ROOT in reply)) return text;
  return JSON.stringify(restore(schema, reply[ROOT]));
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function restore(schema: JsonSchema, value: unknown): unknown {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'choice': {
      const variant = shape.variants.find((candidate) => fits(candidate, value));
      return variant === undefined ? value : restore(variant, value);
    }
    case 'map':
      return isEntries(value) ? Object.fromEntries(value.map((entry) => [entry.key, restore(shape.values, entry.value)])) : value;
    case 'object':
      return isRecord(value) ? restoreObject(shape.properties, shape.required, value) : value;
    case 'array':
      return Array.isArray(value) ? value.map((item: unknown) => restore(shape.items, item)) : value;
    case 'any':
      return typeof value === 'string' ? (parse(value) ?? value) : value;
    case 'plain':
      return value;
  }
}

function restoreObject(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[], value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const restored: Record<string, unknown> = {};
  for (const [name, content] of Object.entries(value)) {
    const property = properties[name];
    // null stands for an optional property that the model left out.
    if (content !== null || required.includes(name)) restored[name] = property === undefined ? content : restore(property, content);
  }
  return restored;
}

/** Whether a value in the strict shape belongs to this variant. */
function fits(schema: JsonSchema, value: unknown): boolean {
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'choice':
      return shape.variants.some((variant) => fits(variant, value));
    case 'map':
      return isEntries(value) && value.every((entry) => fits(shape.values, entry.value));
    case 'object':
      return isRecord(value) && fitsObject(shape.properties, shape.required, value);
    case 'array':
      return Array.isArray(value) && value.every((item: unknown) => fits(shape.items, item));
    case 'any':
      return typeof value === 'string';
    case 'plain':
      return fitsPlain(schema, value);
  }
}

function fitsObject(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[], value: Readonly<Record<string, unknown>>): boolean {
  const known = Object.entries(value).every(([name, content]) => {
    const property = properties[name];
    return property !== undefined && (fits(property, content) || (content === null && !required.includes(name)));
  });
  return known && required.every((name) => name in value);
}

function fitsPlain(schema: JsonSchema, value: unknown): boolean {
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum !== undefined) return schema.enum.includes(value);
  if (schema.type === 'null') return value === null;
  if (schema.type === 'integer') return Number.isInteger(value);
  return typeof value === schema.type;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEntries(value: unknown): value is readonly { readonly key: string; readonly value: unknown }[] {
  return Array.isArray(value) && value.every((entry: unknown) => isRecord(entry) && typeof entry['key'] === 'string' && 'value' in entry);
}
