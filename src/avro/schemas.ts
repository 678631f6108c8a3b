import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import avro from 'avsc';
import { z } from 'zod';
import { SchemaInvalid } from './errors.js';

/** The schema of one event, from schemas/*.avsc. */
export interface EventSchema {
  readonly eventType: string;
  /** The record's full name, such as ravenhelm.TaskAssigned; the registry's subject (RecordNameStrategy). */
  readonly recordName: string;
  /** The schema's JSON text, as it is registered. */
  readonly text: string;
  /**
   * Compiled when it is first used: to compile all of them takes a fifth of a command's start. Throws SchemaInvalid if
   * it is no Avro schema.
   */
  readonly type: avro.Type;
}

const eventRecord = z.object({
  type: z.literal('record'),
  name: z.string().min(1),
  namespace: z.string().min(1),
  fields: z.array(z.looseObject({ name: z.string() })),
});
const eventTypeField = z.object({
  name: z.literal('event_type'),
  type: z.object({ type: z.literal('enum'), symbols: z.tuple([z.string()]) }),
});

/**
 * Reads all *.avsc files of a directory. Rejects with SchemaInvalid, which names the file and the problem, for one that
 * is no event's record.
 */
export async function loadSchemas(directory: string): Promise<readonly EventSchema[]> {
  const files = (await readdir(directory)).filter((name) => name.endsWith('.avsc')).sort();
  if (files.length === 0)
    throw new SchemaInvalid(directory, "contains no *.avsc file; set the schemas directory to the project's schemas/");
  return Promise.all(
    files.map(async (name) => parseSchema(join(directory, name), await readFile(join(directory, name), 'utf8'))),
  );
}

/** `file` is used in messages only. */
function parseSchema(file: string, text: string): EventSchema {
  const json = parseJson(file, text);
  const record = eventRecord.safeParse(json);
  if (!record.success) throw new SchemaInvalid(file, `not an event's record: ${z.prettifyError(record.error)}`);
  const discriminator = eventTypeField.safeParse(record.data.fields.find((field) => field.name === 'event_type'));
  if (!discriminator.success)
    throw new SchemaInvalid(file, 'its field event_type must be an enum of exactly one symbol');
  let compiled: avro.Type | null = null;
  return {
    eventType: discriminator.data.type.symbols[0],
    recordName: `${record.data.namespace}.${record.data.name}`,
    text: JSON.stringify(json),
    get type() {
      return (compiled ??= compile(file, json));
    },
  };
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new SchemaInvalid(file, `not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function compile(file: string, json: unknown): avro.Type {
  const schema = z.custom<avro.Schema>((value) => typeof value === 'object' && value !== null).parse(json);
  try {
    return avro.Type.forSchema(schema);
  } catch (error) {
    throw new SchemaInvalid(file, `not an Avro schema: ${error instanceof Error ? error.message : String(error)}`);
  }
}
