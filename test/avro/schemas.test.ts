import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SchemaInvalid } from '../../src/avro/errors.js';
import { loadSchemas } from '../../src/avro/schemas.js';
import { EVENT_TYPES } from '../../src/domain/generated/agent-event.js';
import { SCHEMAS_DIR } from '../kafka/kafka-under-test.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ravenhelm-schemas-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const record = (fields: readonly object[]) =>
  JSON.stringify({
    type: 'record',
    name: 'Made',
    namespace: 'ravenhelm',
    fields: [{ name: 'event_type', type: { type: 'enum', name: 'MadeType', symbols: ['made'] } }, ...fields],
  });

test('every schema of the package is a schema, which is compiled when it is first used', async () => {
  const schemas = await loadSchemas(SCHEMAS_DIR);
  expect(schemas.map(({ eventType }) => eventType).toSorted()).toEqual([...EVENT_TYPES].toSorted());
  expect(schemas.map(({ type }) => type.name)).toEqual(schemas.map(({ recordName }) => recordName));
  for (const schema of schemas) expect(schema.type).toBe(schema.type);
});

test('one that is no Avro schema is named with its file, when it is first used', async () => {
  await writeFile(join(directory, 'made.avsc'), record([{ name: 'count', type: 'number' }]));
  const [schema] = await loadSchemas(directory);
  expect(schema).toMatchObject({ eventType: 'made', recordName: 'ravenhelm.Made' });
  expect(() => schema?.type).toThrow(SchemaInvalid);
  expect(() => schema?.type).toThrow(/made\.avsc.*number/s);
});

test.each([
  ['{"type": "record"', /made\.avsc.*not JSON/s],
  ['{"type": "record"}', /made\.avsc.*not an event's record/s],
  [record([]).replace('"event_type"', '"kind"'), /made\.avsc.*event_type/s],
])('one that is no record of an event is refused at once: %s', async (text, message) => {
  await writeFile(join(directory, 'made.avsc'), text);
  await expect(loadSchemas(directory)).rejects.toThrow(message);
});

test('a directory without schemas is refused', async () => {
  await expect(loadSchemas(directory)).rejects.toThrow(/contains no \*\.avsc file/);
});
