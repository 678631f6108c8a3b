import type { TraceContext } from '../../src/domain/trace-context.js';
import type { Logger } from '../../src/ports/logger.js';
import { spanIdOf, traceIdOf } from '../../src/avro/trace-ids.js';
import { createTraceLogger } from '../../src/telemetry/trace-logger.js';

/** Lines with the fields of their loggers. */
function recording(lines: object[], bound: object = {}): Logger {
  const write = (fields: object, event: string) => void lines.push({ event, ...bound, ...fields });
  return {
    ...{ debug: write, info: write, warn: write, error: write },
    child: (more) => recording(lines, { ...bound, ...more }),
  };
}

function logged(say: (logger: Logger) => void, continued: (missionId: string) => TraceContext | null = () => null) {
  const lines: object[] = [];
  say(createTraceLogger(recording(lines), continued));
  return lines;
}

test('a line without a mission stays as it is', () => {
  expect(logged((logger) => logger.child({ role: 'worker' }).info({ line: 'x' }, 'said'))).toEqual([
    { event: 'said', role: 'worker', line: 'x' },
  ]);
});

test.each(['debug', 'info', 'warn', 'error'] as const)('%s: the ids of the fields', (level) => {
  expect(logged((logger) => logger[level]({ mission_id: 'm-1', span_of: 'e-1' }, 'said'))).toEqual([
    { event: 'said', mission_id: 'm-1', trace_id: traceIdOf('m-1'), span_id: spanIdOf('e-1') },
  ]);
});

test('the ids of what its logger has, also a logger of that one; a line’s own come first', () => {
  const lines = logged((logger) => {
    const ofAttempt = logger.child({ mission_id: 'm-1', span_of: 'e-1' }).child({ step: 2 });
    ofAttempt.info({}, 'first');
    ofAttempt.info({ span_of: 'e-2' }, 'second');
  });
  const ofMission = { mission_id: 'm-1', step: 2, trace_id: traceIdOf('m-1') };
  expect(lines).toEqual([
    { event: 'first', ...ofMission, span_id: spanIdOf('e-1') },
    { event: 'second', ...ofMission, span_id: spanIdOf('e-2') },
  ]);
});

test('without what names a span there is the trace alone', () => {
  expect(logged((logger) => logger.info({ mission_id: 'm-1' }, 'said'))).toEqual([
    { event: 'said', mission_id: 'm-1', trace_id: traceIdOf('m-1') },
  ]);
});

test('a trace that the mission continues is named as soon as it is known', () => {
  const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', sampled: true };
  const known = new Map<string, TraceContext>();
  const lines = logged(
    (logger) => {
      const ofMission = logger.child({ mission_id: 'm-1' });
      ofMission.info({}, 'before');
      known.set('m-1', caller);
      ofMission.info({}, 'after');
    },
    (missionId) => known.get(missionId) ?? null,
  );
  expect(lines).toEqual([
    { event: 'before', mission_id: 'm-1', trace_id: traceIdOf('m-1') },
    { event: 'after', mission_id: 'm-1', trace_id: caller.traceId },
  ]);
});

test('ids of many missions are right', () => {
  const ids = Array.from({ length: 2_500 }, (_, index) => `m-${index % 1_500}`);
  const lines = logged((logger) => ids.forEach((mission_id) => logger.info({ mission_id }, 'said')));
  expect(lines).toEqual(ids.map((id) => ({ event: 'said', mission_id: id, trace_id: traceIdOf(id) })));
});
