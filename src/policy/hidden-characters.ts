/** Characters that show as something else, or as nothing, to the person who reads a command. */

/** First and last code points of each range. */
const HIDDEN: readonly (readonly [number, number])[] = [
  [0x00, 0x08], // control characters, without tab and line feed
  [0x0b, 0x1f], // carriage return among them: shells and terminals disagree about it
  [0x7f, 0xa0], // the no-break space: sh takes it for a part of a word
  [0xad, 0xad], // soft hyphen
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x115f, 0x1160], // fillers
  [0x1680, 0x1680],
  [0x17b4, 0x17b5],
  [0x180b, 0x180f],
  [0x2000, 0x200f], // other spaces, zero width, marks of direction
  [0x2028, 0x202f], // separators, overrides of direction (CVE-2021-42574)
  [0x205f, 0x206f],
  [0x2800, 0x2800], // Braille without dots
  [0x3000, 0x3000],
  [0x3164, 0x3164],
  [0xfe00, 0xfe0e], // variation selectors, without the one of emoji
  [0xfeff, 0xfeff],
  [0xffa0, 0xffa0],
  [0xfff0, 0xfffc], // UNKNOWN of acts.ts among them
  [0x1d173, 0x1d17a],
  [0xe0000, 0xe0fff], // tags
];

/** The first hidden character of a text, such as U+200B; null: there is none. */
export function hiddenCharacter(text: string): string | null {
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (HIDDEN.some(([first, last]) => first <= code && code <= last))
      return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }
  return null;
}
