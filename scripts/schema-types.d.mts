/** The text of a TypeScript module with one exported type for each named type of an Avro record's schema. */
export function typesOfSchema(schema: object): string;
