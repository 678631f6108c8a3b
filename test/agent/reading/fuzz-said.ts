/** Steps that models might say, and what a reading of them must be, for the tests of the reader with made-up texts. */
import fc from 'fast-check';
import { readText } from './support.js';

export const SEED = 1;

export interface Said {
  readonly thought: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A text in three parts: without the end of the core it is cut. */
export type Parts = readonly [before: string, core: string, after: string];
export type Form = (said: Said, prose: string) => Parts;

export const TRICKY: readonly string[] = [
  ']<]minimax[>[<tool_call>',
  '"',
  "'",
  '\\',
  '{',
  '}',
  '[',
  ']',
  '`',
  '```',
  '\n',
  '\t',
  '</think>',
  '<tool_call>',
  '//',
  '#',
  '“',
  'ß',
  '💥',
  ',',
  ':',
  '{"tool":"workspace_list","arguments":{}}',
  '<parameter=path>',
  '</arg_value>',
];
const words = fc
  .array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.constantFrom(...TRICKY)), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join('').replaceAll('\0', ''))
  .filter((value) => value.trim() !== '');
/** Files and many commands end in a line break. */
const text = fc.tuple(words, fc.constantFrom('', '', '\n')).map((parts) => parts.join(''));
const path = fc.stringMatching(/^[a-z][a-z0-9._ -]{0,10}$/);
export const prose = fc.stringMatching(/^[A-Z][a-z ,]{0,30}[.]$/);

export const said: fc.Arbitrary<Said> = fc.oneof(
  fc.record({ thought: text, tool: fc.constant('execute_terminal_command'), args: fc.record({ command: text }) }),
  fc.record({
    thought: text,
    tool: fc.constant('execute_terminal_command'),
    args: fc.record({ command: text, timeout: fc.integer({ min: 1, max: 3600 }), working_dir: path }),
  }),
  fc.record({ thought: text, tool: fc.constant('workspace_write'), args: fc.record({ path, content: text }) }),
  fc.record({
    thought: text,
    tool: fc.constant('workspace_read'),
    args: fc.record({ path, start_line: fc.integer({ min: 1, max: 99 }) }),
  }),
  fc.record({
    thought: text,
    tool: fc.constant('finish'),
    args: fc.record({ summary: text.map((one) => one.trim()), outputs: fc.dictionary(path, text, { maxKeys: 2 }) }),
  }),
);

export const expected = ({ tool, args }: Said) => `${tool} ${JSON.stringify(sorted(args))}`;
export function got(reading: ReturnType<typeof readText>): string {
  return reading.ok ? `${reading.value.tool} ${JSON.stringify(sorted(reading.value.arguments))}` : reading.fault;
}
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, part]) => [key, sorted(part)])
      .sort(),
  );
}
export const faults: readonly string[] = [
  'empty',
  'cut',
  'not_json',
  'ambiguous',
  'nothing',
  'unknown_tool',
  'arguments',
];
