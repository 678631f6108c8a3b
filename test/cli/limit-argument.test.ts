import { limitArgument } from '../../src/cli/limit-argument.js';

test.each([
  ['+1', { kind: 'add', value: 1 }],
  ['=0.5', { kind: 'set', value: 0.5 }],
  ['+0.0000001', { kind: 'add', value: 0.0000001 }],
  ['=1000000', { kind: 'set', value: 1_000_000 }],
])('%s', (text, change) => {
  expect(limitArgument('usd')(text)).toEqual(change);
});

test.each(['5', '-1', '+', '=1e3', '+1,5', '=NaN', '', '=0', '+0', '=1000001', '+1000001'])(
  '%j is no limit, and its range is named',
  (text) => {
    expect(() => limitArgument('usd')(text)).toThrow(
      'It must be +N, so much more, or =N, the new limit; the limit must be from 0.000001 to 1000000 US dollars.',
    );
  },
);

test.each(['=0.5', '+0.5', '=0'])('%j is no number of tokens', (text) => {
  expect(() => limitArgument('tokens')(text)).toThrow('a whole number from 1 to 1000000000000 tokens');
});
