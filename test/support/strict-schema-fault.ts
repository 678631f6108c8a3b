/**
 * What the hosted APIs refuse in a schema; null when they take it.
 * @param everyPropertyRequired OpenAI's rule
 */
export function strictSchemaFault(schema: unknown, everyPropertyRequired: boolean, path = 'schema'): string | null {
  if (!isRecord(schema)) return `${path} is no schema`;
  if (path === 'schema' && schema['type'] !== 'object') return 'the root must be an object';
  const unknown = Object.keys(schema).find(
    (keyword) =>
      !['type', 'description', 'properties', 'required', 'additionalProperties', 'items', 'anyOf', 'enum'].includes(
        keyword,
      ),
  );
  if (unknown !== undefined) return `${path}: keyword ${unknown} is not supported`;
  if (schema['type'] === 'object') {
    if (schema['additionalProperties'] !== false) return `${path}: additionalProperties must be false`;
    const properties = Object.keys(isRecord(schema['properties']) ? schema['properties'] : {});
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
    ...(Array.isArray(schema['anyOf'])
      ? schema['anyOf'].map((variant: unknown, index): [string, unknown] => [`anyOf.${index}`, variant])
      : []),
  ];
  for (const [name, child] of children) {
    const fault = strictSchemaFault(child, everyPropertyRequired, `${path}.${name}`);
    if (fault !== null) return fault;
  }
  return null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
