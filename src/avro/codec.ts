import avro from 'avsc';
import type { AgentEvent } from '../domain/events.js';
import type { RecordContent } from '../ports/log.js';
import { describeError } from '../domain/describe-error.js';
import { unmetRequirement } from '../domain/requirements.js';
import type { Registry } from './registry.js';
import { loadSchemas, type EventSchema } from './schemas.js';

/**
 * Converts events to and from the Confluent wire format: a zero byte, the writer's schema id (4 bytes, big endian),
 * Avro. Encoding and decoding are synchronous; an unknown schema id must be loaded first.
 */
export interface Codec {
  /** Throws EventInvalid if the event does not match its schema. */
  encode(event: AgentEvent): Buffer;
  decode(bytes: Buffer | null): Decoded;
  /** Fetches a writer's schema, once. Rejects with SchemaUnknown or RegistryUnreachable. */
  loadSchema(schemaId: number): Promise<void>;
}

export type Decoded =
  | RecordContent
  /** Load the schema, then decode again. */
  | { readonly kind: 'schema_needed'; readonly schemaId: number }
  /** Valid, but this build cannot read it; another build can. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** The event does not match its schema. */
export class EventInvalid extends Error {
  readonly code = 'event_invalid';
  readonly retriable = false;
}

const MAGIC_BYTE = 0;
export const PREFIX_BYTES = 5;
const PARALLEL_REGISTRATIONS = 8;

interface Writer {
  readonly schema: EventSchema;
  readonly schemaId: number;
}

type Reader =
  | { readonly kind: 'known'; readonly schema: EventSchema; readonly resolver: Resolver | undefined }
  | { readonly kind: 'foreign'; readonly reason: string };
type Resolver = ReturnType<avro.Type['createResolver']>;

/** Registers all schemas of the directory. Rejects like Registry.register, or with SchemaInvalid. */
export async function createCodec(schemasDir: string, registry: Registry): Promise<Codec> {
  const schemas = await loadSchemas(schemasDir);
  const writers = new Map<string, Writer>();
  const readers = new Map<number, Reader>();
  const byRecordName = new Map(schemas.map((schema) => [schema.recordName, schema]));
  await inParallel(schemas, PARALLEL_REGISTRATIONS, async (schema) => {
    const schemaId = await registry.register(schema.recordName, schema.text);
    writers.set(schema.eventType, { schema, schemaId });
    readers.set(schemaId, { kind: 'known', schema, resolver: undefined });
  });

  const loading = new Map<number, Promise<void>>();
  const load = async (schemaId: number) => {
    try {
      readers.set(schemaId, readerOf(schemaId, await registry.schemaById(schemaId), byRecordName));
    } finally {
      loading.delete(schemaId);
    }
  };

  return {
    encode: createEncoder(writers),
    decode: (bytes) => decode(bytes, readers),
    async loadSchema(schemaId) {
      if (readers.has(schemaId)) return;
      const running = loading.get(schemaId) ?? load(schemaId);
      loading.set(schemaId, running);
      await running;
    },
  };
}

function createEncoder(writers: ReadonlyMap<string, Writer>): (event: AgentEvent) => Buffer {
  // One shared buffer: encoding is synchronous, and the result is copied.
  let scratch = Buffer.allocUnsafe(64 * 1024);
  return (event) => {
    const writer = writers.get(event.event_type);
    if (!writer) throw new EventInvalid(`No schema for event type ${event.event_type}; add it to schemas/`);
    const { type } = writer.schema;
    let end = encodeInto(scratch, type, event);
    if (end < 0) {
      scratch = Buffer.allocUnsafe(scratch.length - end + 1024);
      end = encodeInto(scratch, type, event);
    }
    const bytes = Buffer.allocUnsafe(end);
    scratch.copy(bytes, 0, 0, end);
    bytes[0] = MAGIC_BYTE;
    bytes.writeInt32BE(writer.schemaId, 1);
    return bytes;
  };
}

/** The position after the last byte; negative: the number of missing bytes. */
function encodeInto(buffer: Buffer, type: avro.Type, event: AgentEvent): number {
  try {
    return type.encode(event, buffer, PREFIX_BYTES);
  } catch (error) {
    const paths: string[] = [];
    type.isValid(event, { errorHook: (path) => void paths.push(path.join('.')) });
    throw new EventInvalid(
      `${event.event_type} does not match its schema at ${paths.join(', ') || describeError(error)}`,
      { cause: error },
    );
  }
}

function decode(bytes: Buffer | null, readers: ReadonlyMap<number, Reader>): Decoded {
  if (bytes === null) return { kind: 'poison', reason: 'no value', value: null };
  if (bytes.length < PREFIX_BYTES || bytes[0] !== MAGIC_BYTE)
    return { kind: 'poison', reason: 'not in the Confluent wire format', value: bytes };
  const schemaId = bytes.readInt32BE(1);
  const reader = readers.get(schemaId);
  if (!reader) return { kind: 'schema_needed', schemaId };
  if (reader.kind === 'foreign') return { kind: 'unreadable', reason: reader.reason };
  const { type } = reader.schema; // a schema that is none is no fault of the record
  try {
    return contentOf(type.fromBuffer(bytes.subarray(PREFIX_BYTES), reader.resolver));
  } catch (error) {
    return { kind: 'poison', reason: `the bytes contradict schema ${schemaId}: ${describeError(error)}`, value: bytes };
  }
}

function contentOf(event: AgentEvent): Decoded {
  const reason = unmetRequirement(event);
  return reason === null ? { kind: 'event', event } : { kind: 'unreadable', reason };
}

/** How this build reads records that were written with a schema. */
function readerOf(schemaId: number, text: string, schemas: ReadonlyMap<string, EventSchema>): Reader {
  let writer: avro.Type;
  try {
    writer = avro.Type.forSchema(JSON.parse(text));
  } catch (error) {
    return {
      kind: 'foreign',
      reason: `schema ${schemaId} is not an Avro schema that this build understands: ${describeError(error)}`,
    };
  }
  const schema = schemas.get(writer.name ?? '');
  if (!schema)
    return {
      kind: 'foreign',
      reason: `this build does not know the event ${writer.name ?? '(unnamed)'} (schema ${schemaId}); upgrade it`,
    };
  try {
    return { kind: 'known', schema, resolver: schema.type.createResolver(writer) };
  } catch (error) {
    return {
      kind: 'foreign',
      reason: `this build cannot read schema ${schemaId} of ${schema.recordName}: ${describeError(error)}; upgrade it`,
    };
  }
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
