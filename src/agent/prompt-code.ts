/**
 * A prompt as a list of pieces of texts that the journal has already, and of the text between them. To read it takes
 * only the journal: none of this build's texts, so that a later build, whose prompts differ, reads it exactly.
 */
import type { PromptMessage } from '../domain/attempt-report.js';

/** `length` characters of a named text (prompt-sources.ts) from `start` on. */
type Copied = readonly [source: string, start: number, length: number];
type Segment = string | Copied;
/** A message: its role, then its text. */
type CodedMessage = readonly [role: PromptMessage['role'], ...segments: readonly Segment[]];
/** `count` messages of an earlier prompt, from `first` (0 is its first) on. */
type Kept = readonly [first: number, count: number];
export type CodedPrompt = readonly (Kept | CodedMessage)[];

/** Texts of the journal, by name. */
export type Sources = ReadonlyMap<string, string>;

/** A text is looked for in the sources by this many of its characters. A reference is about as long. */
const BLOCK = 32;

/** @param base the messages of an earlier prompt of the attempt; those that are the same are not repeated */
export function encodePrompt(
  messages: readonly PromptMessage[],
  base: readonly PromptMessage[],
  sources: Sources,
): CodedPrompt {
  const pieces: (Kept | CodedMessage)[] = [];
  let last: number | null = null;
  for (const [message, place] of placesIn(base, messages)) {
    const before = pieces.at(-1);
    if (place === null) pieces.push([message.role, ...segmentsOf(message.content, sources)]);
    else if (before !== undefined && isKept(before) && place === (last ?? 0) + 1)
      pieces[pieces.length - 1] = [before[0], before[1] + 1];
    else pieces.push([place, 1]);
    last = place;
  }
  return pieces;
}

/** Each message with its place in the base, the one after the last message's first; null: it is not there. */
function* placesIn(
  base: readonly PromptMessage[],
  messages: readonly PromptMessage[],
): Generator<readonly [PromptMessage, number | null]> {
  const places = new Map(base.map((message, index) => [keyOf(message), index]));
  let following = 0;
  for (const message of messages) {
    const next = base[following];
    const place =
      next?.role === message.role && next.content === message.content
        ? following
        : (places.get(keyOf(message)) ?? null);
    if (place !== null) following = place + 1;
    yield [message, place];
  }
}

const keyOf = ({ role, content }: PromptMessage): string => `${role}\n${content}`;

function segmentsOf(text: string, sources: Sources): readonly Segment[] {
  const blocks = blocksOf(text, sources);
  const segments: Segment[] = [];
  let literalFrom = 0;
  let at = 0;
  while (at + BLOCK <= text.length) {
    const block = blocks.get(text.slice(at, at + BLOCK));
    if (block === undefined) {
      at += 1;
      continue;
    }
    const { source, start, before, after } = extend(text, at, literalFrom, block);
    if (at - before > literalFrom) segments.push(text.slice(literalFrom, at - before));
    segments.push([source, start - before, before + after]);
    at += after;
    literalFrom = at;
  }
  if (literalFrom < text.length) segments.push(text.slice(literalFrom));
  return segments;
}

interface Block {
  readonly source: string;
  readonly text: string;
  readonly start: number;
}

/** Blocks of the sources that may be in the text, the newest source first. */
function blocksOf(text: string, sources: Sources): ReadonlyMap<string, Block> {
  const blocks = new Map<string, Block>();
  for (const [source, whole] of [...sources].toReversed()) {
    if (whole.length < BLOCK || !text.includes(whole.slice(0, BLOCK))) continue;
    for (let start = 0; start + BLOCK <= whole.length; start += BLOCK) {
      const block = whole.slice(start, start + BLOCK);
      if (!blocks.has(block)) blocks.set(block, { source, text: whole, start });
    }
  }
  return blocks;
}

/** How many characters before and after the block's begin are the same in the text and in its source. */
function extend(text: string, at: number, from: number, { source, text: whole, start }: Block) {
  let before = 0;
  while (at - before > from && start > before && text[at - before - 1] === whole[start - before - 1]) before += 1;
  let after = BLOCK;
  while (at + after < text.length && start + after < whole.length && text[at + after] === whole[start + after])
    after += 1;
  return { source, start, before, after };
}

/** Throws UnreadablePrompt for a piece of a text or an earlier prompt that is not there. */
export function decodePrompt(
  coded: CodedPrompt,
  base: readonly PromptMessage[],
  sources: Sources,
): readonly PromptMessage[] {
  return coded.flatMap((piece): readonly PromptMessage[] => {
    if (isKept(piece)) return part(base, piece[0], piece[1], 'the earlier prompt');
    const [role, ...segments] = piece;
    return [{ role, content: segments.map((segment) => textOf(segment, sources)).join('') }];
  });
}

const isKept = (piece: Kept | CodedMessage): piece is Kept => typeof piece[0] === 'number';

function textOf(segment: Segment, sources: Sources): string {
  if (typeof segment === 'string') return segment;
  const [name, start, length] = segment;
  const source = sources.get(name);
  if (source === undefined) throw new UnreadablePrompt(`it uses a text that the journal does not have: ${name}`);
  if (start + length > source.length) throw new UnreadablePrompt(`it uses more of ${name} than there is`);
  return source.slice(start, start + length);
}

function part<T>(list: readonly T[], first: number, count: number, name: string): readonly T[] {
  if (first + count > list.length) throw new UnreadablePrompt(`it uses more of ${name} than there is`);
  return list.slice(first, first + count);
}

/** A prompt that the journal does not give. */
export class UnreadablePrompt extends Error {
  readonly code = 'prompt_unreadable';
  readonly retriable = false;
}
