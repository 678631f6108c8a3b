import fc from 'fast-check';
import { propertyRuns } from '../../support/quick.js';
import { readLooseJson } from '../../../src/agent/reading/loose-json.js';
import type { Repair } from '../../../src/agent/reading/repairs.js';

const SEED = 1;

function read(text: string) {
  const repairs = new Set<Repair>();
  return { ...readLooseJson(text, 0, repairs), repairs: [...repairs] };
}

test('JSON is read as JSON.parse reads it, without repairs', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue())),
      fc.boolean(),
      (value, spaced) => {
        const text = JSON.stringify(value, null, spaced ? 2 : 0);
        expect(read(text)).toEqual({ kind: 'value', value: JSON.parse(text), end: text.length, repairs: [] });
      },
    ),
    { numRuns: propertyRuns(200), seed: SEED },
  );
});

test('each beginning of a JSON document is cut', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }), (value) => {
      const text = JSON.stringify(value);
      for (let end = 1; end < text.length; end += 1) expect(read(text.slice(0, end)).kind).toBe('cut');
    }),
    { numRuns: propertyRuns(50), seed: SEED },
  );
});

test('the value ends at its own bracket', () => {
  expect(read('{"a":"}"} and more')).toMatchObject({ kind: 'value', end: 9 });
});

test('a key named __proto__ is an ordinary key', () => {
  expect(Object.keys(Object(Object(read('{"__proto__":{"a":1}}')).value))).toEqual(['__proto__']);
});
