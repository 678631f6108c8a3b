import {
  createContinuedTraces,
  parseTraceparent,
  traceContextOf,
  traceparentOf,
} from '../../src/domain/trace-context.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

test.each([
  [`00-${TRACE}-${SPAN}-01`, true],
  [`00-${TRACE}-${SPAN}-00`, false],
  [` 00-${TRACE}-${SPAN}-03\n`, true],
  // A later version may have more; what version 00 has is read from it.
  [`01-${TRACE}-${SPAN}-01-more`, true],
])('%j is a trace context', (text, sampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled });
});

test.each([
  '',
  'nonsense',
  `ff-${TRACE}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}-01-more`,
  `00-${'0'.repeat(32)}-${SPAN}-01`,
  `00-${TRACE}-${'0'.repeat(16)}-01`,
  `00-${TRACE.toUpperCase()}-${SPAN}-01`,
  `00-${TRACE}-${SPAN}`,
])('%j is none', (text) => {
  expect(parseTraceparent(text)).toBeNull();
});

test('it is read from headers as text or bytes, the first of several, and is written as it was', () => {
  const text = `00-${TRACE}-${SPAN}-01`;
  const context = { traceId: TRACE, spanId: SPAN, sampled: true };
  expect(traceContextOf({ traceparent: text })).toEqual(context);
  expect(traceContextOf({ traceparent: new TextEncoder().encode(text) })).toEqual(context);
  expect(traceContextOf({ traceparent: [text, 'other'] })).toEqual(context);
  expect(traceContextOf({ traceparent: null })).toBeNull();
  expect(traceContextOf({})).toBeNull();
  expect(traceContextOf(undefined)).toBeNull();
  expect(traceparentOf(context)).toBe(text);
  expect(traceparentOf({ ...context, sampled: false })).toBe(`00-${TRACE}-${SPAN}-00`);
});

test('of continued traces the most recently set are kept', () => {
  const traces = createContinuedTraces();
  const context = { traceId: TRACE, spanId: SPAN, sampled: true };
  for (let index = 0; index <= 10_000; index += 1) traces.set(`m-${index}`, context);
  expect(traces.get('m-0')).toBeNull();
  expect(traces.get('m-1')).toEqual(context);
  expect(traces.get('m-10000')).toEqual(context);
});
