import { headerText, originalHeaders, type Headers, type HeaderValue } from '../domain/dead-letter.js';
import type { AgentEvent } from '../domain/events.js';
import { stateText, type Letter } from './letter-box.js';
import { table } from './table.js';
import { oneLine } from './text-width.js';

/** A letter as --json shows it in the list. */
export function letterSummary(letter: Letter) {
  const { id, copies, record, facts, state } = letter;
  const { content } = record;
  const headers = originalHeaders(record.headers ?? {});
  const header = (name: string) => headerText(headers[name]) ?? null;
  const names =
    content.kind === 'event'
      ? namesIn(content.event)
      : { mission_id: header('mission_id'), task_id: header('task_id') };
  return {
    id,
    copies,
    time: new Date(facts?.skippedAtMs ?? record.timestampMs).toISOString(),
    origin:
      facts === null
        ? null
        : {
            topic: facts.origin.topic,
            partition: facts.origin.partition,
            offset: facts.origin.offset,
            time: new Date(facts.origin.timestampMs).toISOString(),
          },
    decodable: content.kind === 'event',
    event_type: content.kind === 'event' ? content.event.event_type : header('event_type'),
    ...names,
    error: errorOf(letter),
    state: state.kind,
    handled: state.kind === 'waiting' ? null : { by: state.by, at: new Date(state.atMs).toISOString() },
  };
}

function namesIn({ payload }: AgentEvent): { readonly mission_id: string | null; readonly task_id: string | null } {
  return {
    mission_id: 'mission_id' in payload ? payload.mission_id : null,
    task_id: 'task_id' in payload ? payload.task_id : null,
  };
}

const errorOf = ({ facts }: Letter): string =>
  facts?.error ?? 'no header says where it came from: another program has written it';

export function lettersTable(letters: readonly Letter[]): string {
  const rows = letters.map((letter) => {
    const { id, time, origin, decodable, event_type, mission_id, task_id, error, state } = letterSummary(letter);
    const type = event_type === null ? '-' : decodable ? event_type : `(${event_type})`;
    return [
      id,
      time,
      origin === null ? '?' : `${origin.topic}[${origin.partition}]@${origin.offset}`,
      type,
      [mission_id, task_id].filter((part) => part !== null).join(' ') || '-',
      state,
      error,
    ];
  });
  return table([['ID', 'SKIPPED AT', 'ORIGIN', 'TYPE', 'MISSION, TASK', 'STATE', 'ERROR'], ...rows]);
}

/** Everything about a letter as --json shows it. Bytes as base64, because JSON has none. */
export function letterDocument(letter: Letter) {
  const { record } = letter;
  const value = valueOf(letter);
  return {
    ...letterSummary(letter),
    what_became_of_it: stateText(letter.state),
    key: record.key,
    headers: headerTexts(record.headers ?? {}),
    event: record.content.kind === 'event' ? record.content.event : null,
    why_not_decodable: record.content.kind === 'event' ? null : record.content.reason,
    value_base64: value === null ? null : Buffer.from(value).toString('base64'),
  };
}

/** Everything about a letter, for people; lines end in line breaks. Nothing in it steers the terminal. */
export function letterText(letter: Letter): string {
  const { record } = letter;
  const { id, copies, time, origin, event_type, mission_id, task_id, error } = letterSummary(letter);
  const rows: string[][] = [
    ['letter', [id, ...copies.filter((copy) => copy !== id).map((copy) => `also ${copy}`)].join(', ')],
    ['skipped at', time],
    ['origin', origin === null ? '?' : `${origin.topic}[${origin.partition}]@${origin.offset} of ${origin.time}`],
    ['error', error],
    ['state', stateText(letter.state)],
    ['key', record.key ?? '(none)'],
    ['type', event_type ?? '-'],
    ['mission', mission_id ?? '-'],
    ['task', task_id ?? '-'],
    ...Object.entries(headerTexts(record.headers ?? {})).map(([name, text]) => [`header ${name}`, text]),
  ];
  return `${table(rows)}\n${contentText(letter)}`;
}

function contentText(letter: Letter): string {
  const { content } = letter.record;
  if (content.kind === 'event')
    return `${JSON.stringify(content.event, null, 2)
      .split('\n')
      .map((line) => ' '.repeat(line.search(/\S/)) + oneLine(line))
      .join('\n')}\n`;
  const value = valueOf(letter);
  return `not decodable: ${oneLine(content.reason)}\n${value === null ? '(no value)\n' : hexDump(value)}`;
}

function valueOf({ record: { bytes, content } }: Letter): Uint8Array | null {
  return bytes?.value ?? (content.kind === 'poison' ? (content.value ?? null) : null);
}

function headerTexts(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      valuesOf(value)
        .map((each) => headerText(each) ?? '')
        .join(', '),
    ]),
  );
}

function valuesOf(value: Headers[string]): readonly HeaderValue[] {
  if (value === undefined || value === null || typeof value === 'string' || value instanceof Uint8Array)
    return [value ?? null];
  return value;
}

const BYTES_IN_LINE = 16;
/** A person looks at the beginning; --json has all. */
const SHOWN_BYTES = 1024;

/** Offset, bytes and printable characters, as hexdump -C prints them. */
function hexDump(bytes: Uint8Array): string {
  const shown = bytes.subarray(0, SHOWN_BYTES);
  const lines: string[] = [];
  for (let offset = 0; offset < shown.length; offset += BYTES_IN_LINE) {
    const line = [...shown.subarray(offset, offset + BYTES_IN_LINE)];
    const hex = line
      .map((byte) => byte.toString(16).padStart(2, '0'))
      .join(' ')
      .padEnd(BYTES_IN_LINE * 3 - 1);
    const text = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${offset.toString(16).padStart(8, '0')}  ${hex}  |${text}|`);
  }
  const rest = bytes.length - shown.length;
  if (bytes.length === 0) lines.push('(0 bytes)');
  if (rest > 0) lines.push(`and ${rest} more bytes; --json has them all`);
  return `${lines.join('\n')}\n`;
}
