/** Log lines as people read them on a terminal. Programs get the JSON lines as they are. */
import { z } from 'zod';
import { paint, segment, type Segment, type Tone } from './paint.js';
import { oneLine, safeLine } from './text-width.js';

const UNCUT = 1_000_000;
const TONES: Readonly<Record<string, Tone>> = { debug: 'dim', info: 'green', warn: 'yellow', error: 'red' };
/** The same in each line of a process, and ids for programs that look for them: on a terminal they say nothing. */
const NOT_SHOWN: readonly string[] = ['process', 'trace_id', 'span_id'];

const written = z.looseObject({ level: z.string(), time: z.iso.datetime(), event: z.string() });
const writtenError = z.looseObject({
  message: z.string(),
  code: z.string().optional(),
  stack: z.string().optional(),
});

/**
 * A JSON line of the logger as text: local time, level, role, event, fields; below it the stack of what an error line
 * is about. Ends in a line break; a line that is no JSON of the logger stays as it is.
 */
export function logText(line: string, colors: boolean): string {
  const parsed = written.safeParse(parseJson(line));
  if (!parsed.success) return line;
  const { level, time, event, role, ...fields } = parsed.data;
  const shown = Object.entries(fields).filter(([name]) => !NOT_SHOWN.includes(name));
  const tone = TONES[level] ?? 'plain';
  const segments: Segment[] = [
    segment(`${localTime(time)} `, 'dim'),
    segment(`${level.toUpperCase().padEnd(5)} `, tone),
    ...(typeof role === 'string' ? [segment(`${oneLine(role)}: `, 'dim')] : []),
    segment(oneLine(event), 'bold'),
    ...shown.flatMap(([name, value]) => [segment(` ${oneLine(name)}=`, 'dim'), segment(valueText(value))]),
  ];
  const stacks = level === 'error' ? shown.flatMap(([, value]) => stackLines(value)) : [];
  return [segments, ...stacks.map((text) => [segment(`    ${text}`, 'dim')])]
    .map((parts) => `${paint(parts, UNCUT, colors).text}\n`)
    .join('');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // another program's line
  }
}

function localTime(iso: string): string {
  const time = new Date(iso);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}

/** What has no spaces is not quoted. An error is its message and code. */
function valueText(value: unknown): string {
  const error = writtenError.safeParse(value);
  if (error.success) {
    const { message, code } = error.data;
    return oneLine(JSON.stringify(code === undefined ? message : `${message} (${code})`));
  }
  if (typeof value === 'string' && /^[^\s"={}]+$/.test(value)) return oneLine(value);
  return oneLine(JSON.stringify(value));
}

/** Without its first lines, which are the message. */
function stackLines(value: unknown): readonly string[] {
  const error = writtenError.safeParse(value);
  if (!error.success) return [];
  const lines = (error.data.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return lines.map((line) => safeLine(line).trim());
}
