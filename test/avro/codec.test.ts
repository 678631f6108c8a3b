import avro from 'avsc';
import { createCodec, EventInvalid, type Codec } from '../../src/avro/codec.js';
import { RegistryUnreachable, SchemaUnknown } from '../../src/avro/errors.js';
import type { Registry } from '../../src/avro/registry.js';
import { EVENT_TYPES } from '../../src/domain/generated/agent-event.js';
import { statusRequest, taskProgress } from '../contract/events.js';
import { SCHEMAS_DIR, wireBytes } from '../kafka/kafka-under-test.js';

/** A registry in memory with ascending ids. */
function memoryRegistry(): Registry & { readonly texts: Map<number, string>; down: boolean; requests: number } {
  const texts = new Map<number, string>();
  const registry = {
    url: 'memory',
    texts,
    down: false,
    requests: 0,
    async register(_subject: string, schema: string) {
      texts.set(texts.size + 1, schema);
      return texts.size;
    },
    async schemaById(id: number) {
      registry.requests += 1;
      if (registry.down) throw new RegistryUnreachable('memory', 'down');
      const text = texts.get(id);
      if (text === undefined) throw new SchemaUnknown(id);
      return text;
    },
  };
  return registry;
}

describe('the codec', () => {
  let registry: ReturnType<typeof memoryRegistry>;
  let codec: Codec;
  beforeEach(async () => {
    registry = memoryRegistry();
    codec = await createCodec(SCHEMAS_DIR, registry);
  });

  test('writes the Confluent wire format: a zero byte, the schema id, Avro', () => {
    const bytes = codec.encode(statusRequest('r-1'));
    const schema = registry.texts.get(bytes.readInt32BE(1)) ?? '';
    expect(bytes[0]).toBe(0);
    expect(JSON.parse(schema)).toMatchObject({ name: 'RequestStatus' });
  });

  test('reads back what it wrote, also if it is larger than its buffer', () => {
    for (const event of [
      statusRequest('ünï'),
      taskProgress('m', 't', 3),
      statusRequest('x'.repeat(300_000)),
      statusRequest('small again'),
    ]) {
      const decoded = codec.decode(codec.encode(event));
      expect(decoded.kind === 'event' ? { ...decoded.event, payload: { ...decoded.event.payload } } : decoded).toEqual(
        event,
      );
    }
  });

  test('refuses an event that does not match its schema, and names the field', () => {
    const event = statusRequest('r');
    const broken = { ...event, payload: { ...event.payload, requested_by: 7 as unknown as string } };
    expect(() => codec.encode(broken)).toThrow(EventInvalid);
    expect(() => codec.encode(broken)).toThrow(/payload\.requested_by/);
  });

  test('reports bytes that no reader can ever decode as poison', () => {
    const good = codec.encode(statusRequest('r'));
    const reasons = [
      null,
      Buffer.alloc(0),
      Buffer.from('{"json":true}'),
      Buffer.from([0, 0, 0]),
      good.subarray(0, good.length - 3),
      Buffer.concat([good, Buffer.from('more')]),
    ].map((bytes) => codec.decode(bytes));
    expect(reasons.map(({ kind }) => kind)).toEqual(Array.from({ length: 6 }, () => 'poison'));
  });

  test('loads an unknown schema once, and then reads with it', async () => {
    const text = registry.texts.get(codec.encode(statusRequest('r')).readInt32BE(1)) ?? '';
    registry.texts.set(900, text);
    const bytes = wireBytes(900, codec.encode(statusRequest('foreign')).subarray(5));
    expect(codec.decode(bytes)).toEqual({ kind: 'schema_needed', schemaId: 900 });
    await Promise.all([codec.loadSchema(900), codec.loadSchema(900)]);
    await codec.loadSchema(900);
    expect(registry.requests).toBe(1);
    expect(codec.decode(bytes)).toMatchObject({ kind: 'event', event: { payload: { request_id: 'foreign' } } });
  });

  test('has the mark of a process without a sandbox in every event; older builds need not know it', async () => {
    const texts = [...registry.texts.values()].map((text) => JSON.parse(text));
    const marks = texts.map(({ fields }) => fields.find(({ name }: { name: string }) => name === 'sandbox'));
    expect(marks).toHaveLength(EVENT_TYPES.length);
    for (const mark of marks) expect(mark).toMatchObject({ type: ['null', 'string'], default: null });

    const marked = codec.encode({ ...statusRequest('marked'), sandbox: 'off' });
    expect(codec.decode(marked)).toMatchObject({ kind: 'event', event: { sandbox: 'off' } });
    const schema = JSON.parse(registry.texts.get(marked.readInt32BE(1)) ?? '');
    const older = { ...schema, fields: schema.fields.filter(({ name }: { name: string }) => name !== 'sandbox') };
    registry.texts.set(903, JSON.stringify(older));
    await codec.loadSchema(903);
    const { sandbox: _, ...event } = statusRequest('old');
    const old = wireBytes(903, avro.Type.forSchema(older).toBuffer(event));
    expect(codec.decode(old)).toMatchObject({
      kind: 'event',
      event: { sandbox: null, payload: { request_id: 'old' } },
    });
    const reader = avro.Type.forSchema(older);
    const resolver = reader.createResolver(avro.Type.forSchema(schema));
    expect(reader.fromBuffer(marked.subarray(5), resolver)).toEqual(
      expect.objectContaining({ payload: expect.objectContaining({ request_id: 'marked' }) }),
    );
  });

  test('does not report records as poison that another build can read', async () => {
    await expect(codec.loadSchema(901)).rejects.toThrow(SchemaUnknown);
    registry.down = true;
    await expect(codec.loadSchema(901)).rejects.toThrow(RegistryUnreachable);
    registry.down = false;
    registry.texts.set(
      901,
      JSON.stringify({ type: 'record', name: 'AgentRetired', namespace: 'ravenhelm', fields: [] }),
    );
    registry.texts.set(902, 'not even JSON');
    await codec.loadSchema(901);
    await codec.loadSchema(902);
    expect(codec.decode(wireBytes(901, Buffer.alloc(0)))).toMatchObject({
      kind: 'unreadable',
      reason: expect.stringContaining('does not know the event ravenhelm.AgentRetired'),
    });
    expect(codec.decode(wireBytes(902, Buffer.alloc(0)))).toMatchObject({ kind: 'unreadable' });
  });
});
