import type { Output } from './host.js';
import type { PaintedLine } from './paint.js';

/**
 * Lines at the bottom of a terminal that are redrawn in place. It touches only lines that it wrote itself, and only
 * while they fit the height: a line that has scrolled away cannot be reached, and trying would overwrite others.
 */
export interface Screen {
  /** Draws the lines in place of the last ones. False, and nothing is drawn, when they do not fit the height. */
  draw(lines: readonly PaintedLine[]): boolean;
  /** Writes text that stays, above the lines. */
  above(text: string): void;
  /** Takes the lines away. */
  clear(): void;
  /** Leaves the lines where they are for good; the next ones begin below. */
  keep(): void;
  /** To be called when the terminal's size changed. */
  resized(): void;
  /** Shows the cursor again and leaves the lines; nothing may be drawn afterwards. */
  close(): void;
}

// Terminals that know synchronised output (mode 2026) show a frame at once; others ignore it.
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';
const HIDE_CURSOR = '\u001b[?25l';
export const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

export function createScreen(output: Output): Screen {
  let drawn: readonly PaintedLine[] = [];
  let cursorHidden = false;

  const toTop = () => (drawn.length === 0 ? '' : `\r\u001b[${drawn.length}A`);
  const body = (lines: readonly PaintedLine[]) =>
    lines.map((line) => `\r${line.text}${CLEAR_TO_END_OF_LINE}\n`).join('');
  const forgetUnreachable = () => {
    const { columns, rows } = output.size();
    // Narrower than a drawn line: the terminal may have wrapped it, and its number of rows is unknown.
    if (drawn.length >= rows || drawn.some((line) => line.width > columns)) drawn = [];
  };
  const replaceWith = (lines: readonly PaintedLine[], before = '') => {
    output.write(`${BEGIN}${cursorHidden ? '' : HIDE_CURSOR}${toTop()}${before}${body(lines)}${CLEAR_BELOW}${END}`);
    cursorHidden = true;
    drawn = lines;
  };

  return {
    draw(lines) {
      forgetUnreachable();
      if (lines.length >= output.size().rows) return false;
      if (!sameLines(lines, drawn)) replaceWith(lines);
      return true;
    },
    above(text) {
      forgetUnreachable();
      if (drawn.length === 0) return output.write(text);
      replaceWith(drawn, text.replace(/\n/g, `${CLEAR_TO_END_OF_LINE}\n`));
    },
    clear() {
      forgetUnreachable();
      if (drawn.length > 0) output.write(`${toTop()}${CLEAR_BELOW}`);
      drawn = [];
    },
    keep() {
      drawn = [];
    },
    resized: forgetUnreachable,
    close() {
      if (cursorHidden) output.write(SHOW_CURSOR);
      cursorHidden = false;
      drawn = [];
    },
  };
}

function sameLines(a: readonly PaintedLine[], b: readonly PaintedLine[]): boolean {
  return a.length === b.length && a.every((line, index) => line.text === b[index]?.text);
}
