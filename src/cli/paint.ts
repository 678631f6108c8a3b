import { cutToWidth, textWidth } from './text-width.js';

export type Tone = 'plain' | 'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan';

/** A piece of a line; its text holds no escape sequences. */
export interface Segment {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Segment[];

/** A line ready to be written, and its width in columns. */
export interface PaintedLine {
  readonly text: string;
  readonly width: number;
}

const CODES: Readonly<Record<Tone, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  green: '32',
  yellow: '33',
  red: '31',
  cyan: '36',
};

export function segment(text: string, tone: Tone = 'plain'): Segment {
  return { text, tone };
}

/** Cuts the line to so many columns and colours it. */
export function paint(line: Line, columns: number, colors: boolean): PaintedLine {
  let left = columns;
  let text = '';
  for (const piece of line) {
    const cut = cutToWidth(piece.text, left);
    const code = CODES[piece.tone];
    if (cut !== '') text += colors && code !== '' ? `\u001b[${code}m${cut}\u001b[0m` : cut;
    left -= textWidth(cut);
    if (cut !== piece.text) break;
  }
  return { text, width: columns - left };
}

/** NO_COLOR (no-color.org), TERM=dumb and anything that is no terminal get no colours. */
export function wantsColors(env: Readonly<Record<string, string | undefined>>, isTerminal: boolean): boolean {
  const noColor = env['NO_COLOR'];
  return isTerminal && (noColor === undefined || noColor === '') && env['TERM'] !== 'dumb';
}
