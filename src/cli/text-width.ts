/** How many columns text takes on a terminal, and cutting it to fit. Counts no escape sequences: paint afterwards. */

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Wide and full-width characters of Unicode's East Asian Width, coarsely, and what is drawn as an emoji. */
const WIDE = new RegExp(
  [
    '[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\u33ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\ua000-\\ua4cf\\ua960-\\ua97c]',
    '[\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff00-\\uff60\\uffe0-\\uffe6]',
    '[\\u{1f300}-\\u{1faff}\\u{20000}-\\u{3fffd}]',
    '\\p{Emoji_Presentation}',
    '\\ufe0f',
  ].join('|'),
  'u',
);
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;
/** Control characters and those that change the writing direction: foreign text must not steer the terminal. */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

export function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** At most so many columns; what was cut ends in …. */
export function cutToWidth(text: string, columns: number): string {
  if (columns <= 0) return '';
  if (textWidth(text) <= columns) return text;
  let kept = '';
  let width = 0;
  for (const { segment } of segmenter.segment(text)) {
    const next = graphemeWidth(segment);
    if (width + next > columns - 1) break;
    kept += segment;
    width += next;
  }
  return `${kept}…`;
}

/** Spaces after the text up to so many columns. */
export function padToWidth(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)));
}

/** Lines of at most so many columns, broken between words; a longer word has a separate line. */
export function wrapWords(text: string, columns: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ').filter((each) => each !== '')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && textWidth(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The text on one line, without control characters. */
export function oneLine(text: string): string {
  return text.replace(CONTROL, ' ').trim();
}

/** The lines of foreign text as a terminal may be given them: indentation kept, tabs as two spaces, no controls. */
export function safeLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map(safeLine);
}

const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\u2028\u2029]/u;

/** Whether foreign text holds characters that a terminal is not given, or that take no space on it. */
export function hasHidden(text: string): boolean {
  return HIDDEN.test(text);
}

/** One line of foreign text: indentation kept, tabs as two spaces, no control characters. */
export function safeLine(line: string): string {
  return line.replaceAll('\t', '  ').replace(CONTROL, ' ').trimEnd();
}

function graphemeWidth(grapheme: string): number {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  return WIDE.test(grapheme) ? 2 : 1;
}
