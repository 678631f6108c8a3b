import { describeFolded } from '../../src/domain/record.js';
import { REQUEST_WINDOW_MS } from '../../src/domain/requests.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import { createCoordinationState } from '../../src/domain/mission-state.js';
import { evolveCoordination } from '../../src/domain/mission-evolve.js';
import { eventOf, T0 } from './support/events.js';
import { claimed, given, ID, named, opened, PARTITION, planOf, requested, underWay } from './support/mission-log.js';

const requestAt = (timestampMs: number) =>
  describeFolded(
    evolveCoordination(createCoordinationState(PARTITION), { offset: 0, timestampMs, event: requested() }),
  );

describe('a request', () => {
  test('opens a mission, also before the first claim', () => {
    const log = given();
    expect(log.when(requested())).toBe('applied');
    expect(log.mission()).toMatchObject({ id: ID, course: { kind: 'working' }, planning: { kind: 'none' } });
  });

  test('that is written twice opens one mission', () => {
    const log = underWay();
    expect(log.when(requested())).toBe('void: mission known');
    expect(log.mission().planning.kind).toBe('approved');
  });

  test('for another partition is void: approve and cancel would not find it', () => {
    const id = createMissionId({ nowMs: T0, partition: PARTITION + 1, random: () => 0.5 });
    expect(given().when(requested({ mission_id: id }))).toBe('void: the id names another partition');
  });

  test('without a real id is void', () => {
    expect(given().when(requested({ mission_id: 'm-1' }))).toBe('void: not a mission id');
  });

  test('may be appended until ten minutes after the time in its id', () => {
    expect(requestAt(T0 + REQUEST_WINDOW_MS)).toBe('applied');
    expect(requestAt(T0 + REQUEST_WINDOW_MS + 1)).toBe('void: requested too late after the time in its id');
  });

  test('of an ended mission starts nothing again', () => {
    const log = given(claimed(), opened(), requested({ plan: planOf([['cert_agent']]) }));
    log.when(
      eventOf('mission_failed', { mission_id: ID, owner: 'o-1', reason: 'x', code: null, at_planner_price: null }),
    );
    expect(log.when(requested())).toBe('void: mission known');
    expect(log.decides()).toEqual([]);
  });
});

describe('the name of the log', () => {
  test('is the first that was written', () => {
    const log = given(opened('first'));
    const name = log.state.epoch;
    expect(name).toMatch(/^first-/);
    expect(log.when(opened('second'))).toBe('void: the log has a name');
    expect(log.state.epoch).toBe(name);
  });

  test('is another one in a recreated topic, though the record that named the old one comes again, late', () => {
    const event = opened('first');
    const names = [T0, T0 + 26_000].map((timestampMs) => {
      const state = createCoordinationState(PARTITION);
      evolveCoordination(state, { offset: 0, timestampMs, event });
      return state.epoch;
    });
    expect(new Set(names).size).toBe(2);
  });
});

describe('who decides', () => {
  test("only the last to claim: another's decisions are void", () => {
    const log = given(claimed('o-1'), opened(), requested(), claimed('o-2'));
    const [decision] = log.decides({ owner: 'o-1' });
    expect(named(log.decides({ owner: 'o-1' }))).toEqual(['plan_requested']);
    if (decision === undefined) throw new Error('nothing decided');
    expect(log.when(eventOf(decision.event_type, decision.payload))).toBe('void: not the holder');
    expect(log.mission().planning.kind).toBe('none');
  });

  test('no process, before a claim was read', () => {
    const log = given(requested());
    expect(
      log.when(
        eventOf('mission_failed', { mission_id: ID, owner: 'o-1', reason: 'x', code: null, at_planner_price: null }),
      ),
    ).toBe('void: not the holder');
  });

  test('events about missions that are not here are void', () => {
    expect(
      given(claimed()).when(
        eventOf('mission_failed', { mission_id: ID, owner: 'o-1', reason: 'x', code: null, at_planner_price: null }),
      ),
    ).toBe('void: no such mission');
  });

  test('an event of another topic has no effect', () => {
    const log = underWay();
    expect(log.when(eventOf('request_status', { request_id: 'r', requested_by: 'ann' }))).toMatch(/^void/);
    expect(
      log.when(
        eventOf('turn_reserved', {
          mission_id: ID,
          task_id: 't',
          attempt: 1,
          owner: 'w',
          reserved_tokens: 1,
          reserved_usd: 1,
        }),
      ),
    ).toMatch(/^void: turn_reserved does not belong/);
  });
});
