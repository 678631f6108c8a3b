/** Dead letters for people. Nothing in them steers the terminal. */
import type { DeadLetter, DeadLetterDetails } from '../client/dead-letter.js';
import { table } from './table.js';
import { oneLine } from './text-width.js';

export function lettersTable(letters: readonly DeadLetter[]): string {
  const rows = letters.map((letter) => {
    const { id, time, decodable, event_type, mission_id, task_id, error, state } = letter;
    const type = event_type === null ? '-' : decodable ? event_type : `(${event_type})`;
    const task = [mission_id, task_id].filter((part) => part !== null).join(' ') || '-';
    return [id, time, originText(letter), type, task, state, error];
  });
  return table([['ID', 'SKIPPED AT', 'ORIGIN', 'TYPE', 'MISSION, TASK', 'STATE', 'ERROR'], ...rows]);
}

/** Everything about a letter; lines end in line breaks. */
export function letterText(letter: DeadLetterDetails): string {
  const { id, copies, origin, batch } = letter;
  const rows: string[][] = [
    ['letter', [id, ...copies.filter((copy) => copy !== id).map((copy) => `also ${copy}`)].join(', ')],
    ['skipped at', letter.time],
    ['origin', origin === null ? '?' : `${originText(letter)} of ${origin.time}`],
    ...(batch === null
      ? []
      : [['batch', `records ${batch.first_offset} to ${batch.last_offset}, codec ${batch.codec}, not decodable`]]),
    ['error', letter.error],
    ['state', letter.what_became_of_it],
    ...letter.ignored.map(({ event_type, by, at, code }) => [
      'does not count',
      `${event_type} by ${by} at ${at}: ${code}`,
    ]),
    ['key', letter.key ?? '(none)'],
    ['type', letter.event_type ?? '-'],
    ['mission', letter.mission_id ?? '-'],
    ['task', letter.task_id ?? '-'],
    ...Object.entries(letter.headers).map(([name, text]) => [`header ${name}`, text]),
  ];
  return `${table(rows)}\n${contentText(letter)}`;
}

function originText({ origin, batch }: DeadLetter): string {
  if (origin === null) return '?';
  const offsets = batch === null ? String(origin.offset) : `${batch.first_offset}-${batch.last_offset}`;
  return `${origin.topic}[${origin.partition}]@${offsets}`;
}

function contentText({ event, why_not_decodable, value_base64 }: DeadLetterDetails): string {
  if (event !== null)
    return `${JSON.stringify(event, null, 2)
      .split('\n')
      .map((line) => ' '.repeat(line.search(/\S/)) + oneLine(line))
      .join('\n')}\n`;
  const value = value_base64 === null ? null : Buffer.from(value_base64, 'base64');
  return `not decodable: ${oneLine(why_not_decodable ?? '')}\n${value === null ? '(no value)\n' : hexDump(value)}`;
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
