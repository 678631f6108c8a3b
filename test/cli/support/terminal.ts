import type { Output } from '../../../src/cli/host.js';

/**
 * A terminal's screen and scrollback for the few sequences that the progress lines use. Anything else throws, so that
 * a sequence which this does not know cannot pass unseen.
 */
export interface TestTerminal extends Output {
  /** What is on the screen, without empty rows at its end. */
  screen(): string[];
  /** What has scrolled away. */
  scrollback(): string[];
  cursorVisible(): boolean;
  /** How often something was written. */
  writes(): number;
  resize(columns: number, rows: number): void;
  /** Without colours. */
  text(): string;
}

export function createTestTerminal(columns = 80, rows = 24): TestTerminal {
  let size = { columns, rows };
  let screen: string[] = [''];
  const gone: string[] = [];
  let row = 0;
  let column = 0;
  let visible = true;
  let writes = 0;
  const listeners = new Set<() => void>();

  const lineFeed = () => {
    row++;
    if (row >= screen.length) screen.push('');
    if (row >= size.rows) {
      gone.push(screen.shift() ?? '');
      row--;
    }
  };
  const put = (character: string) => {
    if (column >= size.columns) {
      column = 0;
      lineFeed();
    }
    const line = (screen[row] ?? '').padEnd(column);
    screen[row] = line.slice(0, column) + character + line.slice(column + 1);
    column++;
  };
  const sequences: [RegExp, (count: number) => void][] = [
    [/^\u001b\[\?2026[hl]/, () => undefined],
    [
      /^\u001b\[\?25l/,
      () => {
        visible = false;
      },
    ],
    [
      /^\u001b\[\?25h/,
      () => {
        visible = true;
      },
    ],
    [
      /^\u001b\[(\d+)A/,
      (count) => {
        row = Math.max(0, row - count);
      },
    ],
    [
      /^\u001b\[K/,
      () => {
        screen[row] = (screen[row] ?? '').slice(0, column);
      },
    ],
    [
      /^\u001b\[J/,
      () => {
        screen = screen.slice(0, row + 1);
        screen[row] = (screen[row] ?? '').slice(0, column);
      },
    ],
    [/^\u001b\[\d+m/, () => undefined],
  ];
  return {
    write(text) {
      writes++;
      let rest = text;
      while (rest !== '') {
        const known = sequences
          .map(([pattern, act]) => ({ match: pattern.exec(rest), act }))
          .find(({ match }) => match !== null);
        if (known?.match) {
          known.act(Number(known.match[1] ?? 0));
          rest = rest.slice(known.match[0].length);
          continue;
        }
        const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
        if (character === '\u001b') throw new Error(`unknown sequence ${JSON.stringify(rest.slice(0, 12))}`);
        if (character === '\r') column = 0;
        else if (character === '\n') {
          column = 0;
          lineFeed();
        } else put(character);
        rest = rest.slice(character.length);
      }
    },
    drained: async () => undefined,
    isTerminal: true,
    size: () => size,
    onResize(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    closed: new AbortController().signal,
    screen: () =>
      screen
        .map((line) => line.trimEnd())
        .join('\n')
        .trimEnd()
        .split('\n'),
    scrollback: () => gone.map((line) => line.trimEnd()),
    cursorVisible: () => visible,
    writes: () => writes,
    resize(newColumns, newRows) {
      size = { columns: newColumns, rows: newRows };
      while (screen.length > newRows) {
        gone.push(screen.shift() ?? '');
        row = Math.max(0, row - 1);
      }
      for (const listener of [...listeners]) listener();
    },
    text: () =>
      [...gone, ...screen]
        .map((line) => line.trimEnd())
        .join('\n')
        .trimEnd(),
  };
}
