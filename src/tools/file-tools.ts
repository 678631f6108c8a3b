import type { FileHandle } from 'node:fs/promises';
import { opendir, lstat } from 'node:fs/promises';
import type { ListArguments, ReadArguments } from './definitions.js';
import { endsOf, fit, jsonBytes, OBSERVATION_BYTES } from './truncate.js';
import { CallRefused } from './errors.js';
import { openInside, parsePath } from './jail.js';
import { STATE_DIRECTORY, type RunPlace } from './places.js';
import { codeOf } from './system-errors.js';

/** Limits for scanning a file and for the bytes kept of it; a sparse file may claim terabytes. */
const MAX_SCANNED_BYTES = 64 * 1024 * 1024;
const MAX_KEPT_BYTES = 1024 * 1024;
const MAX_ENTRIES = 1000;

/** The result of a tool that runs in the worker. */
export interface FileResult {
  /** JSON, at most OBSERVATION_BYTES. */
  readonly observation: string;
  /** The digest is computed from this text. */
  readonly output: string;
}

/** workspace_read. Rejects with CallRefused, or with the error of the file system. */
export async function readLines(
  place: RunPlace,
  args: ReadArguments,
  signal: AbortSignal,
  redact: (text: string) => string,
): Promise<FileResult> {
  const file = await openFor(place, args.path);
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw new CallRefused(`${args.path} is a directory; list it with workspace_list`);
    if (!stats.isFile()) throw new CallRefused(`${args.path} is not a regular file`);
    const found = await linesOf(file, args.start_line, args.end_line ?? Number.POSITIVE_INFINITY, signal);
    if (found.lines < args.start_line && args.start_line > 1)
      throw new CallRefused(`${args.path} has ${found.lines} lines${found.whole ? '' : ' in its first 64 MiB'}`);
    const facts = {
      path: args.path,
      start_line: args.start_line,
      end_line: Math.min(args.end_line ?? found.lines, found.lines),
      total_lines: found.whole ? found.lines : null,
    };
    return { observation: withContent(facts, { ...found, text: redact(found.text) }), output: found.text };
  } finally {
    await file.close();
  }
}

interface Facts {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly total_lines: number | null;
}

function withContent(facts: Facts, { text, truncated }: Lines): string {
  const room = (cut: boolean) =>
    OBSERVATION_BYTES - Buffer.byteLength(JSON.stringify({ ...facts, truncated: cut, content: '' }));
  const content = fit(endsOf(text), room(true), adviceFor(facts, text, room(true)));
  return JSON.stringify({ ...facts, truncated: truncated || content !== endsOf(text).head, content });
}

/** How to read the rest: by lines, but a line that is too long itself only by characters. */
function adviceFor({ path, start_line: first }: Facts, text: string, room: number): string {
  const long = text.split('\n').findIndex((line) => jsonBytes(line) > room);
  if (long === -1) return 'read it in parts with start_line and end_line';
  const quoted = `'${path.replaceAll("'", "'\\''")}'`;
  return (
    `line ${first + long} is longer than what is shown at once: read a part of it with the shell, such as ` +
    `sed -n ${first + long}p ${quoted} | cut -c 1-8000`
  );
}

interface Lines {
  readonly text: string;
  /** Lines seen. */
  readonly lines: number;
  /** Whether the end of the file was seen. */
  readonly whole: boolean;
  /** Whether wanted lines are missing. */
  readonly truncated: boolean;
}

async function linesOf(file: FileHandle, first: number, last: number, signal: AbortSignal): Promise<Lines> {
  const kept: Buffer[] = [];
  const buffer = Buffer.alloc(64 * 1024);
  let keptBytes = 0;
  let scanned = 0;
  let line = 1;
  let endsInLine = false;
  let dropped = false;
  while (scanned < MAX_SCANNED_BYTES) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, buffer.length, scanned);
    if (bytesRead === 0) break;
    const chunk = buffer.subarray(0, bytesRead);
    const found = rangeOf(chunk, line, first, last);
    scanned += bytesRead;
    line = found.nextLine;
    endsInLine = chunk[bytesRead - 1] !== NEWLINE;
    if (keptBytes + found.to - found.from > MAX_KEPT_BYTES) dropped = true;
    else if (found.to > found.from) {
      kept.push(Buffer.from(chunk.subarray(found.from, found.to)));
      keptBytes += found.to - found.from;
    }
  }
  const whole = scanned >= (await file.stat()).size;
  const lines = endsInLine ? line : line - 1;
  return { text: Buffer.concat(kept).toString('utf8'), lines, whole, truncated: dropped || (!whole && lines < last) };
}

const NEWLINE = 10;

/** The byte range of the wanted lines in a chunk whose first byte belongs to `line`; -1 if it has none. */
function rangeOf(
  chunk: Buffer,
  line: number,
  first: number,
  last: number,
): { from: number; to: number; nextLine: number } {
  let from = -1;
  let to = -1;
  let current = line;
  for (let at = 0; at < chunk.length; ) {
    const newline = chunk.indexOf(NEWLINE, at);
    const end = newline === -1 ? chunk.length : newline + 1;
    if (current >= first && current <= last) {
      if (from === -1) from = at;
      to = end;
    }
    if (newline !== -1) current++;
    at = end;
  }
  return { from, to, nextLine: current };
}

/** workspace_list. Rejects with CallRefused, or with the error of the file system. */
export async function listDirectory(place: RunPlace, args: ListArguments): Promise<FileResult> {
  const handle = await openFor(place, args.path);
  try {
    if (!(await handle.stat()).isDirectory())
      throw new CallRefused(`${args.path} is not a directory; read it with workspace_read`);
    const own = `/proc/self/fd/${handle.fd}`;
    const { names, truncated } = await firstNames(own, place.holdsState);
    const entries = [];
    for (const name of names) entries.push(await describe(`${own}/${name}`, name));
    return listing(
      args.path,
      entries.filter((entry) => entry !== null),
      truncated,
    );
  } finally {
    await handle.close();
  }
}

interface Entry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly bytes: number;
}

async function firstNames(directory: string, holdsState: boolean): Promise<{ names: string[]; truncated: boolean }> {
  const names: string[] = [];
  for await (const entry of await opendir(directory)) {
    if (holdsState && entry.name === STATE_DIRECTORY) continue;
    if (names.length === MAX_ENTRIES) return { names: names.sort(), truncated: true };
    names.push(entry.name);
  }
  return { names: names.sort(), truncated: false };
}

/** null if the entry no longer exists. */
async function describe(path: string, name: string): Promise<Entry | null> {
  try {
    const stats = await lstat(path);
    const type = stats.isFile()
      ? 'file'
      : stats.isDirectory()
        ? 'directory'
        : stats.isSymbolicLink()
          ? 'link'
          : 'other';
    return { name, type, bytes: stats.size };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function listing(path: string, entries: readonly Entry[], truncated: boolean): FileResult {
  const shown: Entry[] = [];
  let left = OBSERVATION_BYTES - Buffer.byteLength(JSON.stringify({ path, entries: [], truncated: false }));
  for (const entry of entries) {
    left -= Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (left < 0) break;
    shown.push(entry);
  }
  return {
    observation: JSON.stringify({ path, entries: shown, truncated: truncated || shown.length < entries.length }),
    output: JSON.stringify(entries),
  };
}

function openFor(place: RunPlace, path: string): Promise<FileHandle> {
  const parsed = parsePath(path);
  const inOutputs = parsed.area === 'outputs';
  return openInside(
    inOutputs ? place.outputs : place.workspace,
    parsed.parts,
    place.holdsState && !inOutputs ? STATE_DIRECTORY : null,
    undefined,
    place.account,
  );
}
