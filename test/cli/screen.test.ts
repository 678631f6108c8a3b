import { createScreen } from '../../src/cli/screen.js';
import { createTestTerminal } from './support/terminal.js';

const lines = (...texts: string[]) => texts.map((text) => ({ text, width: text.length }));

describe('lines redrawn at the bottom of a terminal', () => {
  test('a frame takes the place of the last one and leaves what stood above', () => {
    const terminal = createTestTerminal();
    terminal.write('$ npm start\n');
    const screen = createScreen(terminal);
    screen.draw(lines('one', 'two', 'three'));
    screen.draw(lines('ONE', 'TWO'));
    expect(terminal.screen()).toEqual(['$ npm start', 'ONE', 'TWO']);
  });

  test('the same frame again writes nothing', () => {
    const terminal = createTestTerminal();
    const screen = createScreen(terminal);
    screen.draw(lines('one'));
    const writes = terminal.writes();
    screen.draw(lines('one'));
    expect(terminal.writes()).toBe(writes);
  });

  test('a frame is one write', () => {
    const terminal = createTestTerminal();
    createScreen(terminal).draw(lines('one', 'two', 'three'));
    expect(terminal.writes()).toBe(1);
  });

  test('text above the lines stays, also when it is wider than the terminal', () => {
    const terminal = createTestTerminal(10, 8);
    const screen = createScreen(terminal);
    screen.draw(lines('old one', 'old two'));
    screen.above('a warning that wraps\nsecond\n');
    expect(terminal.screen()).toEqual(['a warning', 'that wraps', 'second', 'old one', 'old two']);
  });

  test('a frame as high as the terminal is not drawn, and nothing is erased', () => {
    const terminal = createTestTerminal(20, 3);
    terminal.write('before\n');
    const screen = createScreen(terminal);
    expect(screen.draw(lines('1', '2', '3'))).toBe(false);
    expect(terminal.text()).toBe('before');
    expect(screen.draw(lines('1', '2'))).toBe(true);
    expect(terminal.text()).toBe('before\n1\n2');
  });

  test('many frames near the bottom never touch the scrollback', () => {
    const terminal = createTestTerminal(20, 6);
    for (let i = 0; i < 20; i++) terminal.write(`history ${i}\n`);
    const screen = createScreen(terminal);
    for (let i = 0; i < 50; i++) screen.draw(lines(`a ${i}`, `b ${i}`, `c ${i}`));
    const history = Array.from({ length: 20 }, (_, i) => `history ${i}`);
    expect(terminal.text().split('\n')).toEqual([...history, 'a 49', 'b 49', 'c 49']);
  });

  test('after the terminal became narrower than a line, the next frame begins below', () => {
    const terminal = createTestTerminal(20, 10);
    const screen = createScreen(terminal);
    screen.draw(lines('a rather long line'));
    terminal.resize(10, 10);
    screen.resized();
    screen.draw(lines('short'));
    expect(terminal.text()).toBe('a rather long line\nshort');
  });

  test('after the terminal became wider, the frame is redrawn in place', () => {
    const terminal = createTestTerminal(20, 10);
    const screen = createScreen(terminal);
    screen.draw(lines('a rather long line'));
    terminal.resize(40, 10);
    screen.resized();
    screen.draw(lines('a rather long line, whole now'));
    expect(terminal.text()).toBe('a rather long line, whole now');
  });

  test('after the terminal became lower than the frame, lines that scrolled away are left alone', () => {
    const terminal = createTestTerminal(20, 10);
    terminal.write('before\n');
    const screen = createScreen(terminal);
    screen.draw(lines('1', '2', '3', '4', '5'));
    terminal.resize(20, 4);
    screen.resized();
    screen.draw(lines('one line'));
    expect(terminal.text()).toBe('before\n1\n2\n3\n4\n5\none line');
  });

  test('the cursor is hidden while lines are redrawn and shown again at the end', () => {
    const terminal = createTestTerminal();
    const screen = createScreen(terminal);
    screen.draw(lines('one'));
    expect(terminal.cursorVisible()).toBe(false);
    screen.close();
    expect(terminal.cursorVisible()).toBe(true);
    expect(terminal.screen()).toEqual(['one']);
  });

  test('clearing takes only the own lines away', () => {
    const terminal = createTestTerminal();
    terminal.write('before\n');
    const screen = createScreen(terminal);
    screen.draw(lines('one', 'two'));
    screen.clear();
    terminal.write('after\n');
    expect(terminal.screen()).toEqual(['before', 'after']);
  });
});
