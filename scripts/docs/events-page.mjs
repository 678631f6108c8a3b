/** The page docs/events.md, made from schemas/*.avsc. */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const ENVELOPE = new Set([
  'event_id',
  'event_type',
  'source_agent',
  'target_agent',
  'timestamp',
  'correlation_id',
  'causation_id',
  'sandbox',
  'payload',
]);

const isRecord = (type) => type?.type === 'record';

/** A type in a few characters, such as string, long or null, Check[]. */
function typeText(type) {
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return type.map(typeText).join(' or ');
  if (type.type === 'array') return `${typeText(type.items)}[]`;
  if (type.type === 'map') return `map of ${typeText(type.values)}`;
  if (type.type === 'enum') return type.symbols.map((symbol) => `\`${symbol}\``).join(', ');
  if (isRecord(type)) return type.name;
  return type.logicalType ?? type.type;
}

/** Records that are written out inside a type. */
function recordsIn(type) {
  if (Array.isArray(type)) return type.flatMap(recordsIn);
  if (type?.type === 'array') return recordsIn(type.items);
  if (type?.type === 'map') return recordsIn(type.values);
  if (!isRecord(type)) return [];
  return [type, ...type.fields.flatMap((field) => recordsIn(field.type))];
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (field) => `| \`${field.name}\` | ${cell(typeText(field.type))} | ${cell(field.doc ?? '')} |`;
const table = (fields) => ['| field | type | meaning |', '|---|---|---|', ...fields.map(row)].join('\n');

function eventSection({ eventType, schema, payload }) {
  const nested = payload.fields.flatMap((field) => recordsIn(field.type));
  const inner = nested.map(({ name, doc, fields }) => `**${name}**: ${doc ?? ''}\n\n${table(fields)}\n`);
  const own = payload.fields.length === 0 ? 'It has no fields of payload.\n' : `${table(payload.fields)}\n`;
  return [`## ${eventType}\n`, `${schema.doc}\n`, own, ...inner].join('\n');
}

export function eventsPage(schemasDir) {
  const events = readdirSync(schemasDir)
    .filter((name) => name.endsWith('.avsc'))
    .map((file) => {
      const schema = JSON.parse(readFileSync(join(schemasDir, file), 'utf8'));
      const field = (name) => schema.fields.find((each) => each.name === name);
      return { schema, eventType: field('event_type').type.symbols[0], payload: field('payload').type };
    })
    .sort((a, b) => (a.eventType < b.eventType ? -1 : 1));
  const [first] = events;
  const index = events.map(({ eventType, schema }) => `| [${eventType}](#${eventType}) | ${cell(schema.doc)} |`);
  const envelope = first.schema.fields.filter(
    ({ name }) => ENVELOPE.has(name) && name !== 'event_type' && name !== 'payload',
  );
  return [
    '# Events\n',
    'Generated from [schemas/](../schemas) by `npm run docs:events`. Do not edit; a test compares the two.\n',
    'Values are Avro in the Confluent wire format. Each event type is a record with its own subject ' +
      '(RecordNameStrategy) and',
    'changes only in ways that are FULL_TRANSITIVE compatible. Event type, mission id, task id, attempt and ' +
      '`traceparent`',
    'are record headers too. [operations.md](operations.md#topics-and-groups) lists the topics.\n',
    '## Envelope\n',
    'Every event has these fields, then its `payload`.\n',
    `${table(envelope)}\n`,
    '## Index\n',
    `| event | meaning |\n|---|---|\n${index.join('\n')}\n`,
    ...events.map(eventSection),
  ].join('\n');
}
