import { z } from 'zod';

/**
 * The hosted APIs' structured output takes a part of JSON Schema: every object closed, no maps, no oneOf, an object at
 * the root. This rewrites a schema into that part, and strict-decode.ts turns replies back into the original's shape:
 *
 * - a map (additionalProperties with a schema) becomes an array of {key, value};
 * - a value of any type becomes a string that holds JSON;
 * - oneOf and lists of types become anyOf; whatever the root is stands under `reply`;
 * - keywords that the APIs refuse (lengths, ranges, patterns) are left out: the caller validates the reply anyway.
 */
export interface JsonSchema {
  readonly type?: string | readonly string[] | undefined;
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: boolean | JsonSchema | undefined;
  readonly items?: JsonSchema | undefined;
  readonly anyOf?: readonly JsonSchema[] | undefined;
  readonly oneOf?: readonly JsonSchema[] | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
}

export const jsonSchema: z.ZodType<JsonSchema> = z.lazy(() =>
  z.object({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    description: z.string().optional(),
    properties: z.record(z.string(), jsonSchema).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), jsonSchema]).optional(),
    items: jsonSchema.optional(),
    anyOf: z.array(jsonSchema).optional(),
    oneOf: z.array(jsonSchema).optional(),
    enum: z.array(z.unknown()).optional(),
    const: z.unknown().optional(),
  }),
);

/** What becomes of an optional property. OpenAI wants every property required; Anthropic counts unions, so it keeps them optional. */
export type OptionalAs = 'nullable' | 'optional';

/** The property under which the reply stands. */
export const ROOT = 'reply';

/** A kind of schema, with what that kind needs: the shape that both directions go by. */
export type Shape =
  | { readonly kind: 'choice'; readonly variants: readonly JsonSchema[] }
  | { readonly kind: 'map'; readonly values: JsonSchema }
  | { readonly kind: 'object'; readonly properties: Readonly<Record<string, JsonSchema>>; readonly required: readonly string[] }
  | { readonly kind: 'array'; readonly items: JsonSchema }
  | { readonly kind: 'any' }
  | { readonly kind: 'plain' };

/** What kind of schema it is. */
export function shapeOf(schema: JsonSchema): Shape {
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return { kind: 'choice', variants };
  if (Array.isArray(schema.type)) return { kind: 'choice', variants: schema.type.map((type: string) => ({ ...schema, type })) };
  if (schema.enum !== undefined || schema.const !== undefined) return { kind: 'plain' };
  if (schema.type === 'array') return { kind: 'array', items: schema.items ?? {} };
  if (schema.type === 'object' || schema.properties !== undefined) return objectShape(schema);
  return schema.type === undefined ? { kind: 'any' } : { kind: 'plain' };
}

function objectShape({ properties = {}, required = [], additionalProperties }: JsonSchema): Shape {
  if (Object.keys(properties).length > 0 || additionalProperties === false) return { kind: 'object', properties, required };
  return { kind: 'map', values: typeof additionalProperties === 'object' ? additionalProperties : {} };
}

/** The schema that is sent. */
export function toStrictSchema(schema: JsonSchema, optionalAs: OptionalAs): Record<string, unknown> {
  return closed({ [ROOT]: rewrite(schema, optionalAs) }, [ROOT]);
}

function rewrite(schema: JsonSchema, optionalAs: OptionalAs): Record<string, unknown> {
  const described = schema.description === undefined ? {} : { description: schema.description };
  const shape = shapeOf(schema);
  switch (shape.kind) {
    case 'choice':
      return { ...described, anyOf: shape.variants.map((variant) => rewrite(variant, optionalAs)) };
    case 'map':
      return { ...described, type: 'array', items: closed({ key: { type: 'string' }, value: rewrite(shape.values, optionalAs) }, ['key', 'value']) };
    case 'object':
      return { ...described, ...rewriteObject(shape.properties, shape.required, optionalAs) };
    case 'array':
      return { ...described, type: 'array', items: rewrite(shape.items, optionalAs) };
    case 'any':
      return { type: 'string', description: `${schema.description ?? 'Any value'} (as JSON)` };
    case 'plain':
      return { ...described, ...plainKeywords(schema) };
  }
}

function plainKeywords(schema: JsonSchema): Record<string, unknown> {
  const type = schema.type === undefined ? {} : { type: schema.type };
  if (schema.const !== undefined) return { ...type, enum: [schema.const] };
  return schema.enum === undefined ? type : { ...type, enum: schema.enum };
}

function rewriteObject(properties: Readonly<Record<string, JsonSchema>>, required: readonly string[], optionalAs: OptionalAs): Record<string, unknown> {
  const rewritten = Object.entries(properties).map(([name, property]): [string, Record<string, unknown>] => {
    const strict = rewrite(property, optionalAs);
    const nullable = optionalAs === 'nullable' && !required.includes(name);
    return [name, nullable ? { anyOf: [strict, { type: 'null' }] } : strict];
  });
  return closed(Object.fromEntries(rewritten), optionalAs === 'nullable' ? Object.keys(properties) : required);
}

function closed(properties: Record<string, unknown>, required: readonly string[]): Record<string, unknown> {
  return { type: 'object', properties, required, additionalProperties: false };
}
