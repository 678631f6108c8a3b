import { assigned, called, cancelled, claimed, completed, given, keyOf, source } from './support/task-log.js';

const OTHER = { task: 'deploy-cert_agent-wave1-2' };

describe('each assignment is taken once', () => {
  test('the first delivery opens the attempt and sets the mark', () => {
    const log = given(claimed('a'));
    expect(log.when(assigned(source(10)))).toBe('applied');
    expect(log.state.marks).toEqual({ 'log-1/3': 10 });
  });

  test('a second delivery of the same decision is ignored', () => {
    const log = given(claimed('a'), assigned(source(10)), called('a', 1));
    expect(log.when(assigned(source(10)))).toBe('void: source taken before');
    expect(log.attempt().steps).toHaveLength(1);
  });

  test('a zombie that sends an old decision hours later is ignored, though its attempt has ended', () => {
    const log = given(claimed('a'), assigned(source(10)), completed('a'), assigned(source(15), OTHER));
    expect(log.when(assigned(source(10)))).toBe('void: source taken before');
    expect(log.attempt().status).toBe('completed');
  });

  test('a decision that was never taken is ignored, too, once a later one of its partition was', () => {
    const log = given(claimed('a'), assigned(source(15), OTHER));
    expect(log.when(assigned(source(10)))).toBe('void: source taken before');
    expect(log.state.attempts.has(keyOf())).toBe(false);
  });

  test('marks of coordination partitions are separate', () => {
    const log = given(claimed('a'), assigned(source(15, 'log-1', 3), OTHER));
    expect(log.when(assigned(source(2, 'log-1', 4)))).toBe('applied');
    expect(log.state.marks).toEqual({ 'log-1/3': 15, 'log-1/4': 2 });
  });

  test('a recreated topic does not look old: its offsets start again under another epoch', () => {
    const log = given(claimed('a'), assigned(source(15, 'log-1'), OTHER));
    expect(log.when(assigned(source(2, 'log-2')))).toBe('applied');
    expect(log.state.marks).toEqual({ 'log-1/3': 15, 'log-2/3': 2 });
  });

  test('the first record of a coordination partition can be a source', () => {
    expect(given(claimed('a')).when(assigned(source(0)))).toBe('applied');
  });

  test('an attempt that is known is not taken again under another source', () => {
    const log = given(claimed('a'), assigned(source(10)), called('a', 1));
    expect(log.when(assigned(source(11)))).toBe('void: attempt known');
    expect(log.attempt().steps).toHaveLength(1);
    expect(log.state.marks).toEqual({ 'log-1/3': 11 });
  });

  test('a decision itself, which has no source, is no assignment', () => {
    expect(given(claimed('a')).when(assigned(null))).toBe('void: no source');
    expect(given(claimed('a'), assigned(source(10))).when(cancelled(null))).toBe('void: no source');
  });

  test('an assignment counts under any holder, also before the first claim', () => {
    expect(given().when(assigned(source(10)))).toBe('applied');
  });
});

describe('cancels', () => {
  test('end an open attempt and move the mark', () => {
    const log = given(claimed('a'), assigned(source(10)));
    expect(log.when(cancelled(source(12)))).toBe('applied');
    expect(log.attempt().status).toBe('cancelled');
    expect(log.state.marks).toEqual({ 'log-1/3': 12 });
  });

  test('come too late for an attempt that has ended, and are not mistaken for news again', () => {
    const log = given(claimed('a'), assigned(source(10)), completed('a'));
    expect(log.when(cancelled(source(12)))).toBe('void: attempt not open');
    expect(log.when(cancelled(source(12)))).toBe('void: source taken before');
    expect(log.attempt().status).toBe('completed');
  });

  test('that overtook their assignment keep it from ever starting', () => {
    const log = given(claimed('a'));
    expect(log.when(cancelled(source(12)))).toBe('void: attempt not open');
    expect(log.when(assigned(source(10)))).toBe('void: source taken before');
  });

  test('that are sent again do not end the next attempt', () => {
    const log = given(claimed('a'), assigned(source(10)), cancelled(source(12)), assigned(source(13), { attempt: 2 }));
    expect(log.when(cancelled(source(12)))).toBe('void: source taken before');
    expect(log.attempt({ attempt: 2 }).status).toBe('open');
  });
});
