import { z } from 'zod';

/**
 * JSON Schema that every provider accepts as a constraint on a reply: Ollama's grammar, and the structured outputs of
 * Anthropic and OpenAI. Objects are closed and all their properties required, because OpenAI's strict mode refuses
 * anything else; optional properties may be null instead. Keywords that one of them refuses (lengths, ranges, patterns,
 * defaults) are omitted and checked when the reply is read. The root must be an object without anyOf.
 */
export interface PortableSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, PortableSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false;
  readonly items?: PortableSchema;
  readonly anyOf?: readonly PortableSchema[];
}

const source = z.object({
  type: z.union([z.string(), z.array(z.string())]).optional(),
  description: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  const: z.unknown().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  anyOf: z.array(z.unknown()).optional(),
  oneOf: z.array(z.unknown()).optional(),
});

/** The schema of a tool or a reply uses features that not every provider supports. */
export class SchemaNotPortable extends Error {
  readonly code = 'schema_not_portable';
  readonly retriable = false;
}

/** Throws SchemaNotPortable for open objects, references and untyped parts. */
export function portableSchema(schema: unknown, where = 'schema'): PortableSchema {
  const parsed = source.safeParse(schema);
  if (!parsed.success)
    throw new SchemaNotPortable(`${where} is not a JSON Schema object; describe it with type, enum or anyOf`);
  const node = parsed.data;
  const description = node.description === undefined ? {} : { description: node.description };
  const branches =
    node.anyOf ??
    node.oneOf ??
    (Array.isArray(node.type) ? node.type.map((type) => ({ ...node, type, description: undefined })) : undefined);
  if (branches)
    return {
      ...description,
      anyOf: branches.map((branch, index) => portableSchema(branch, `${where}.anyOf[${index}]`)),
    };
  if (node.const !== undefined) return { ...typeOf(node.type), ...description, enum: [node.const] };
  if (node.enum) return { ...typeOf(node.type), ...description, enum: node.enum };
  switch (node.type) {
    case 'object':
      return { type: 'object', ...description, ...portableObject(node, where) };
    case 'array':
      return { type: 'array', ...description, items: portableSchema(node.items, `${where}.items`) };
    case 'string':
    case 'number':
    case 'integer':
    case 'boolean':
    case 'null':
      return { type: node.type, ...description };
    default:
      throw new SchemaNotPortable(
        `${where} has no type that every provider accepts; describe it with type, enum or anyOf`,
      );
  }
}

function typeOf(type: string | readonly string[] | undefined): { readonly type?: string } {
  return typeof type === 'string' ? { type } : {};
}

function portableObject(
  node: z.output<typeof source>,
  where: string,
): Pick<PortableSchema, 'properties' | 'required' | 'additionalProperties'> {
  if (!node.properties)
    throw new SchemaNotPortable(
      `${where} is an object without properties; providers accept closed objects only, so list its properties`,
    );
  const required = new Set(node.required);
  const properties = Object.entries(node.properties).map(([key, property]): [string, PortableSchema] => {
    const portable = portableSchema(property, `${where}.${key}`);
    return [key, required.has(key) || takesNull(portable) ? portable : { anyOf: [portable, { type: 'null' }] }];
  });
  return {
    properties: Object.fromEntries(properties),
    required: properties.map(([key]) => key),
    additionalProperties: false,
  };
}

function takesNull(schema: PortableSchema): boolean {
  return schema.type === 'null' || (schema.anyOf ?? []).some(takesNull);
}

/** Names of an object schema's optional properties, which models return as null. */
export function optionalProperties(schema: unknown): readonly string[] {
  const node = source.safeParse(schema);
  if (!node.success) return [];
  const required = new Set(node.data.required);
  return Object.keys(node.data.properties ?? {}).filter((key) => !required.has(key));
}
