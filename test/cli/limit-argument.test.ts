import { limitArgument } from '../../src/cli/limit-argument.js';

test.each([
  ['+1', { kind: 'add', value: 1 }],
  ['=0.5', { kind: 'set', value: 0.5 }],
  ['+100000', { kind: 'add', value: 100_000 }],
])('%s', (text, change) => {
  expect(limitArgument(text)).toEqual(change);
});

test.each(['5', '-1', '+', '=1e3', '+1,5', '=NaN', ''])('%j is no limit', (text) => {
  expect(() => limitArgument(text)).toThrow('It must be +N');
});
