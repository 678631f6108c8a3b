/** Where a reader of almost-JSON is in its text, and why it cannot continue. */
import type { Repair } from './repairs.js';

/** A value that ends only behind the end of the text. */
export interface Cut {
  readonly kind: 'cut';
  /** Where the text ends: a text, an object, a list, … */
  readonly inside: string;
  /** false: in a text of prose it need not be JSON at all, such as "[note". */
  readonly serious: boolean;
}

/** A text that is not JSON. */
export interface Wrong {
  readonly kind: 'wrong';
  readonly at: number;
  /** What is wrong, for the model. */
  readonly what: string;
  /** true: it was meant as JSON, so that its inner parts must not be read as separate values. */
  readonly serious: boolean;
}

export interface Cursor {
  readonly text: string;
  at: number;
  readonly repairs: Set<Repair>;
  fault: Cut | Wrong | null;
  depth: number;
}

/** What a reading function returns when `fault` is set. */
export const FAILED: unique symbol = Symbol('failed');
export type Read<T> = T | typeof FAILED;

export function startCursor(text: string, at: number): Cursor {
  return { text, at, repairs: new Set(), fault: null, depth: 0 };
}

export function cut(cursor: Cursor, inside: string): typeof FAILED {
  cursor.fault ??= { kind: 'cut', inside, serious: true };
  return FAILED;
}

export function wrong(cursor: Cursor, what: string, serious = true): typeof FAILED {
  cursor.fault ??= { kind: 'wrong', at: cursor.at, what, serious };
  return FAILED;
}

/** The part of the text at the cursor that a sticky expression matches, or null. */
export function match(cursor: Cursor, sticky: RegExp): RegExpExecArray | null {
  sticky.lastIndex = cursor.at;
  return sticky.exec(cursor.text);
}

/** Moves behind blanks and comments; false if the text ends inside a comment. */
export function skipBlank(cursor: Cursor): boolean {
  for (;;) {
    cursor.at += match(cursor, /[\s\0-\x20\u200B-\u200D\u2060\uFEFF]*/y)?.[0].length ?? 0;
    const comment = match(cursor, /\/\/[^\n]*\n|#[^\n]*\n|\/\*[^]*?\*\//y);
    if (!comment) break;
    cursor.repairs.add('comments');
    cursor.at += comment[0].length;
  }
  if (!match(cursor, /\/\/|#|\/\*|\/$/y)) return true;
  cut(cursor, 'a comment');
  return false;
}

/** One expression of several, so that each line of a long one can be read. */
export const joined = (separator: '' | '|', flags: string, parts: readonly RegExp[]) =>
  new RegExp(parts.map(({ source }) => source).join(separator), flags);
