import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** The most UTF-8 bytes of an observation. A longer output keeps its head and tail. */
export const OBSERVATION_BYTES = 16 * 1024;

/** Bytes of the text inside a JSON string, without the quotes. */
export function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

/** A text of which possibly only the head and the tail were read. */
export interface Ends {
  readonly head: string;
  /** Empty if head is the whole text. */
  readonly tail: string;
  /** Bytes of the whole text. */
  readonly size: number;
}

/** Reads as much of both ends of a file as an observation can hold. Invalid UTF-8 and NUL become U+FFFD. */
export async function readEnds(path: string): Promise<Ends> {
  return readOnce(path, null);
}

/** The ends of both outputs of a command, and sha256 of the whole of them, hex; each file is read once. */
export interface Outputs {
  readonly ends: readonly [Ends, Ends];
  readonly digest: string;
}

/** @param redact what the texts pass before they are cut; the digest is of what was there */
export async function readOutputs(
  [stdout, stderr]: readonly [string, string],
  redact: (text: string) => string,
): Promise<Outputs> {
  const hash = createHash('sha256');
  const read = async (path: string): Promise<Ends> => {
    const { head, tail, size } = await readOnce(path, (bytes) => hash.update(bytes));
    return { head: redact(head), tail: redact(tail), size };
  };
  const first = await read(stdout);
  return { ends: [first, await read(stderr)], digest: hash.digest('hex') };
}

const CHUNK_BYTES = 256 * 1024;

/** Hands the whole file to `visit`, in chunks and in order. */
async function readOnce(path: string, visit: ((bytes: Buffer) => unknown) | null): Promise<Ends> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size <= 2 * OBSERVATION_BYTES) {
      const all = await file.readFile();
      visit?.(all);
      return { head: decode(all), tail: '', size };
    }
    const head = Buffer.alloc(OBSERVATION_BYTES);
    const tail = Buffer.alloc(OBSERVATION_BYTES);
    await file.read(head, 0, OBSERVATION_BYTES, 0);
    await file.read(tail, 0, OBSERVATION_BYTES, size - OBSERVATION_BYTES);
    if (visit !== null)
      for await (const chunk of file.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES, autoClose: false }))
        visit(chunk);
    return { head: decode(withoutPartialEnd(head)), tail: decode(withoutPartialStart(tail)), size };
  } finally {
    await file.close();
  }
}

export function endsOf(text: string): Ends {
  return { head: text.replaceAll('\0', '\uFFFD'), tail: '', size: Buffer.byteLength(text) };
}

function decode(bytes: Buffer): string {
  return bytes.toString('utf8').replaceAll('\0', '\uFFFD');
}

/** Drops an incomplete character at the end. */
function withoutPartialEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= 3; back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

/** Drops the rest of an incomplete character at the start. */
function withoutPartialStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return bytes.subarray(start);
}

/**
 * The text, or its head and tail with a note between them, in at most budget bytes of a JSON string.
 * @param where says in the note where to find the whole text
 */
export function fit(ends: Ends, budget: number, where: string): string {
  if (ends.tail === '' && jsonBytes(ends.head) <= budget) return ends.head;
  const note = `\n[... cut: ${ends.size} bytes in all, ${where} ...]\n`;
  const room = budget - jsonBytes(note);
  if (room <= 0) return takeHead(ends.head, budget);
  const tail = takeTail(ends.tail === '' ? ends.head : ends.tail, Math.floor(room / 2));
  return takeHead(ends.head, room - jsonBytes(tail)) + note + tail;
}

/** Bytes that the whole text takes in a JSON string; Infinity if only its ends were read. */
export function wanted(ends: Ends): number {
  return ends.tail === '' ? jsonBytes(ends.head) : Number.POSITIVE_INFINITY;
}

function takeHead(text: string, budget: number): string {
  let left = budget;
  let end = 0;
  for (const character of text) {
    left -= jsonBytes(character);
    if (left < 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function takeTail(text: string, budget: number): string {
  const characters = [...text];
  let left = budget;
  let start = characters.length;
  while (start > 0) {
    left -= jsonBytes(characters[start - 1] ?? '');
    if (left < 0) break;
    start--;
  }
  return characters.slice(start).join('');
}

/** sha256 of a text's UTF-8 bytes, hex. */
export function digestOfText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
