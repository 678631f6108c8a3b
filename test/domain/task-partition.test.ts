import { stepInDoubt } from '../../src/domain/task-partition.js';
import { eventOf } from './support/events.js';
import {
  assigned,
  called,
  cancelled,
  claimed,
  completed,
  failed,
  given,
  keyOf,
  MISSION,
  returned,
  source,
  TASK,
} from './support/task-log.js';

const HELD_BY_A = [claimed('a'), assigned(source(10))];

describe('who holds a tasks partition', () => {
  test('no process, before a claim was read', () => {
    expect(given().state.holder).toBeNull();
  });

  test('the last claim read is the holder, with its offset for the fence', () => {
    const log = given(claimed('a'), claimed('b'));
    expect(log.state.holder).toEqual({ owner: 'b', claimOffset: 1 });
  });

  test('a claim that was appended twice names the same holder again', () => {
    const log = given(claimed('a'));
    expect(log.when(claimed('a'))).toBe('applied');
    expect(log.state.holder?.owner).toBe('a');
  });

  test('position is the next offset to fold, whether or not a record counts', () => {
    const log = given(claimed('a'));
    log.when(eventOf('wave_completed', { mission_id: MISSION, owner: 'a', wave_number: 1 }));
    expect(log.state.position).toBe(2);
  });

  test('an event of another topic has no effect', () => {
    const folded = given(claimed('a')).when(
      eventOf('wave_completed', { mission_id: MISSION, owner: 'a', wave_number: 1 }),
    );
    expect(folded).toBe('void: wave_completed does not belong in a tasks partition');
  });
});

describe('steps', () => {
  test('a call of the holder opens a step', () => {
    const log = given(...HELD_BY_A);
    expect(log.when(called('a', 1))).toBe('applied');
    expect(stepInDoubt(log.attempt())?.call.step).toBe(1);
  });

  test("a call under another owner's id is void: it was written before its writer read the new claim", () => {
    const log = given(...HELD_BY_A, claimed('b'));
    expect(log.when(called('a', 1))).toBe('void: not the holder');
    expect(log.attempt().steps).toHaveLength(0);
  });

  test('a call before any claim is void', () => {
    expect(given(assigned(source(10))).when(called('a', 1))).toBe('void: not the holder');
  });

  test.each([0, 2, 3, -1, 1.5])('the first step is 1; %p is void', (step) => {
    expect(given(...HELD_BY_A).when(called('a', step))).toBe('void: step out of order');
  });

  test('the same call appended twice opens one step', () => {
    const log = given(...HELD_BY_A, called('a', 1));
    expect(log.when(called('a', 1))).toBe('void: step out of order');
    expect(log.attempt().steps).toHaveLength(1);
  });

  test('a step begins only after the one before has an outcome', () => {
    const log = given(...HELD_BY_A, called('a', 1));
    expect(log.when(called('a', 2))).toBe('void: the step before has no outcome');
    log.when(returned('a', 1));
    expect(log.when(called('a', 2))).toBe('applied');
  });

  test('a call for an unassigned attempt is void', () => {
    expect(given(claimed('a')).when(called('a', 1))).toBe('void: attempt not open');
  });

  test('a call for another attempt of the same task is void', () => {
    expect(given(...HELD_BY_A).when(called('a', 1, { attempt: 2 }))).toBe('void: attempt not open');
  });

  test('no step begins after the end of its attempt', () => {
    expect(given(...HELD_BY_A, completed('a')).when(called('a', 1))).toBe('void: attempt not open');
    expect(given(...HELD_BY_A, cancelled(source(11))).when(called('a', 1))).toBe('void: attempt not open');
  });
});

describe('outcomes', () => {
  const CALLED = [...HELD_BY_A, called('a', 1)];

  test('the first outcome of a step wins, no matter who wrote it', () => {
    const log = given(...CALLED, claimed('b'));
    expect(log.when(returned('a', 1, 'ok'))).toBe('applied');
    expect(log.when(returned('b', 1, 'unknown'))).toBe('void: outcome known');
    expect(log.attempt().steps[0]?.outcome).toMatchObject({ owner: 'a', outcome: 'ok' });
  });

  test("a new holder's unknown wins over what the earlier owner says later", () => {
    const log = given(...CALLED, claimed('b'), returned('b', 1, 'unknown'));
    expect(log.when(returned('a', 1, 'ok'))).toBe('void: outcome known');
    expect(log.attempt().steps[0]?.outcome?.outcome).toBe('unknown');
  });

  test('an outcome without its call is void', () => {
    expect(given(...HELD_BY_A).when(returned('a', 1))).toBe('void: no such step');
    expect(given(...CALLED).when(returned('a', 2))).toBe('void: no such step');
    expect(given(claimed('a')).when(returned('a', 1))).toBe('void: no such step');
  });

  test('what really happened is kept even when the attempt was cancelled meanwhile', () => {
    const log = given(...CALLED, cancelled(source(11)));
    expect(log.when(returned('a', 1, 'aborted'))).toBe('applied');
  });

  test('a take-over leaves the called step in doubt, and no other', () => {
    const log = given(...CALLED, returned('a', 1), called('a', 2), claimed('b'));
    expect(stepInDoubt(log.attempt())?.call.step).toBe(2);
    log.when(returned('b', 2, 'unknown'));
    expect(stepInDoubt(log.attempt())).toBeNull();
  });

  test('an attempt without steps has none in doubt', () => {
    expect(stepInDoubt(given(...HELD_BY_A).attempt())).toBeNull();
  });
});

describe('results', () => {
  test("the holder's result ends the attempt", () => {
    const log = given(...HELD_BY_A);
    expect(log.when(completed('a'))).toBe('applied');
    expect(log.attempt()).toMatchObject({ status: 'completed', result: { type: 'task_completed' } });
  });

  test('a failure ends it too', () => {
    const log = given(...HELD_BY_A);
    expect(log.when(failed('a'))).toBe('applied');
    expect(log.attempt()).toMatchObject({ status: 'failed', result: { type: 'task_failed' } });
  });

  test("a deposed owner's result is void, and the new holder continues", () => {
    const log = given(...HELD_BY_A, claimed('b'));
    expect(log.when(completed('a'))).toBe('void: not the holder');
    expect(log.attempt().status).toBe('open');
    expect(log.when(called('b', 1))).toBe('applied');
  });

  test('the first result wins', () => {
    const log = given(...HELD_BY_A, failed('a'));
    expect(log.when(completed('a'))).toBe('void: attempt not open');
    expect(log.attempt().status).toBe('failed');
  });

  test('a cancelled attempt takes no result', () => {
    const log = given(...HELD_BY_A, cancelled(source(11)));
    expect(log.when(completed('a'))).toBe('void: attempt not open');
    expect(log.attempt()).toMatchObject({ status: 'cancelled', result: null });
  });

  test('attempts of one task are separate', () => {
    const log = given(...HELD_BY_A, failed('a'), assigned(source(12), { attempt: 2 }));
    expect(log.when(called('a', 1, { attempt: 2 }))).toBe('applied');
    expect(log.attempt().status).toBe('failed');
    expect([...log.state.attempts.keys()]).toEqual([keyOf(), keyOf({ attempt: 2 })]);
    expect(keyOf({ attempt: 2 })).toBe(`${MISSION}/${TASK}/2`);
  });
});
