/** A text as a program would read it, with the places that its characters come from. Pure. */

export interface DecodedText {
  readonly text: string;
  /** Of characters of text, from start to before end: the part of the original, whole escapes only. */
  originOf(start: number, end: number): readonly [start: number, end: number];
}

/** A part of the original that text has in one piece. */
interface Piece {
  /** In text. */
  readonly at: number;
  readonly from: number;
  readonly to: number;
  /** It means something else: only the whole of it can be taken. */
  readonly isEscape: boolean;
}

/**
 * @param escapes global; each match means what decode says
 * @returns null: there is no match
 */
export function decodeText(original: string, escapes: RegExp, decode: (escape: string) => string): DecodedText | null {
  const pieces: Piece[] = [];
  let text = '';
  let done = 0;
  const add = (from: number, to: number, decoded: string | null) => {
    if (from === to) return;
    pieces.push({ at: text.length, from, to, isEscape: decoded !== null });
    text += decoded ?? original.slice(from, to);
    done = to;
  };
  const known = new Map<string, string>();
  for (const { 0: escape, index } of original.matchAll(escapes)) {
    const decoded = known.get(escape) ?? decode(escape);
    known.set(escape, decoded);
    add(done, index, null);
    add(index, index + escape.length, decoded);
  }
  if (pieces.length === 0) return null;
  add(done, original.length, null);
  const pieceOf = (at: number) => pieces[lastAtMost(pieces, at)];
  return {
    text,
    originOf(start, end) {
      const first = pieceOf(start);
      const last = pieceOf(end - 1);
      if (first === undefined || last === undefined) throw new RangeError(`no characters ${start} to ${end}`);
      const from = first.isEscape ? first.from : first.from + (start - first.at);
      return [from, last.isEscape ? last.to : last.from + (end - last.at)];
    },
  };
}

/** Index of the last piece that begins at or before a place; of several, which are empty but one, the last. */
function lastAtMost(pieces: readonly Piece[], at: number): number {
  let [low, high] = [0, pieces.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((pieces[middle]?.at ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The original with put in place of each of the values that one of the decoded texts has. */
export function replaceDecoded(
  original: string,
  decoded: readonly DecodedText[],
  values: readonly string[],
  put: string,
): string {
  const found = decoded.flatMap(({ text, originOf }) =>
    values.flatMap((value) => placesOf(text, value).map((at) => originOf(at, at + value.length))),
  );
  let [result, done] = ['', 0];
  for (const [from, to] of found.toSorted(([a], [b]) => a - b)) {
    if (to <= done) continue;
    if (from >= done) result += original.slice(done, from) + put;
    done = to;
  }
  return result + original.slice(done);
}

function placesOf(text: string, value: string): readonly number[] {
  const places: number[] = [];
  for (let at = text.indexOf(value); at >= 0; at = text.indexOf(value, at + value.length)) places.push(at);
  return places;
}
