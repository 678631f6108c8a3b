import fc from 'fast-check';
import { decodePrompt, encodePrompt } from '../../src/agent/prompt-code.js';
import { propertyRuns } from '../support/quick.js';

const words = (mark: string, count: number) => Array.from({ length: count }, (_, at) => `${mark}${at}`).join(' ');
const message = (content: string) => ({ role: 'user' as const, content });

describe('a coded prompt', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.string(),
      fc.integer({ min: 0, max: 200 }).map((count) => words('w', count)),
    ),
  );
  const text = pieces.map((parts) => parts.join(''));
  const messages = fc.array(
    fc.record({ role: fc.constantFrom('system' as const, 'user' as const, 'assistant' as const), content: text }),
  );

  test('of any messages is read again exactly, whatever it refers to', () => {
    fc.assert(
      fc.property(messages, messages, fc.array(text), fc.nat(), (made, base, texts, cut) => {
        const sources = new Map(texts.map((source, index) => [`s${index}`, source]));
        // Parts of the sources and of the base are in the prompt.
        const [first = ''] = texts;
        const prompt = [...base.slice(cut % 3), message(`before ${first.slice(cut % 40)} after`), ...made, ...base];
        const coded: ReturnType<typeof encodePrompt> = JSON.parse(JSON.stringify(encodePrompt(prompt, base, sources)));
        expect(decodePrompt(coded, base, sources)).toEqual(prompt);
      }),
      { numRuns: propertyRuns(500), seed: 1 },
    );
  });

  test('repeats no text that a source or the earlier prompt has, in whole or in part', () => {
    const output = words('line', 2_000);
    const base = [message('the system text'), message('the task')];
    const shown = `Step 1 succeeded.\n${output.slice(0, 4_000)}\n[… left out …]\n${output.slice(-4_000)}\n</data>`;
    const coded = encodePrompt([...base, message(shown)], base, new Map([['observation 1', output]]));
    expect(coded).toEqual([
      [0, 2],
      [
        'user',
        'Step 1 succeeded.\n',
        ['observation 1', 0, 4_000],
        '\n[… left out …]\n',
        ['observation 1', output.length - 4_000, 4_000],
        '\n</data>',
      ],
    ]);
  });

  test.each([
    ['a text that the journal does not have', [['user' as const, ['observation 9', 0, 3] as const]] as const],
    ['more of observation 1 than there is', [['user' as const, ['observation 1', 2, 3] as const]] as const],
    ['more of the earlier prompt than there is', [[0, 2] as const] as const],
  ])('that uses %s is refused', (why, coded) => {
    expect(() => decodePrompt(coded, [message('one')], new Map([['observation 1', 'text']]))).toThrow(why);
  });
});
