import { describeFolded } from '../../src/domain/record.js';
import { answeredEffect, evolveCoordination } from '../../src/domain/mission-evolve.js';
import { REQUEST_WINDOW_MS } from '../../src/domain/requests.js';
import { createMissionId, parseMissionId } from '../../src/domain/mission-id.js';
import {
  coordinationReplayPoint,
  forgetEnded,
  forgetEffect,
  forgetWork,
  restoreCoordination,
} from '../../src/domain/mission-replay.js';
import type { CoordinationState, Effect } from '../../src/domain/mission-state.js';
import { DataLoss, METADATA_LIMIT_BYTES } from '../../src/domain/record.js';
import { T0 } from './support/events.js';
import {
  accepted,
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  given,
  ID,
  opened,
  PARTITION,
  planOf,
  requested,
  TWO_WAVES,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const OTHER = createMissionId({ nowMs: T0 + 1, partition: PARTITION, random: () => 0.25 });
const nothing = () => false;
const everything = () => true;
const timeOfId = (id: string) => parseMissionId(id)?.timeMs ?? null;

function replayOf(log: MissionLog, isAcknowledged: (effect: Effect) => boolean): CoordinationState {
  const point = coordinationReplayPoint(log.state, isAcknowledged);
  if (point === null) throw new Error('no replay point');
  return restoreCoordination(PARTITION, point.offset, point.metadata, timeOfId);
}

/** A mission that has completed, behind it nothing. */
function ended(): MissionLog {
  const log = underWay({ plan: planOf([['cert_agent']]) });
  log.when(completed(CERT));
  log.settle();
  return log;
}

describe('the replay point of a coordination partition', () => {
  test('is the position while every mission has ended and every effect was acknowledged', () => {
    const log = ended();
    expect(replayOf(log, everything)).toMatchObject({
      position: log.state.position,
      epoch: log.state.epoch,
      holder: { owner: 'o-1', claimOffset: 0 },
    });
  });

  test('is the request of the oldest open mission, with holder and name of the log as they were just before it', () => {
    const log = given(requested(), claimed(), opened());
    expect(replayOf(log, everything)).toMatchObject({ position: 0, epoch: null, holder: null });
    const later = given(claimed(), opened(), requested(), claimed('o-2'));
    expect(replayOf(later, everything)).toMatchObject({
      position: 2,
      epoch: later.state.epoch,
      holder: { owner: 'o-1' },
    });
  });

  test('is held by an assignment that was not acknowledged, also of a mission that has ended', () => {
    expect(replayOf(ended(), nothing).position).toBe(2);
  });

  test('is held by the cancels of a mission that has ended', () => {
    const log = underWay();
    log.when(cancelRequested());
    log.settle();
    const acknowledged = (effect: Effect) => effect.event.event_type === 'task_assigned';
    expect(replayOf(log, acknowledged).position).toBe(2);
    expect(replayOf(log, everything).position).toBe(log.state.position);
  });

  test('lets the next holder see every effect that has to be sent, in log order', () => {
    const log = underWay();
    log.when(cancelRequested());
    log.settle();
    const next = replayOf(log, nothing);
    for (const record of log.records.slice(next.position)) evolveCoordination(next, record);
    const effects = [...(next.missions.get(ID)?.effects.values() ?? [])];
    expect(effects.map((effect) => `${effect.event.event_type} ${effect.event.payload.task_id}`)).toEqual([
      `task_assigned ${CERT}`,
      `task_assigned ${ENV}`,
      `task_cancelled ${CERT}`,
      `task_cancelled ${ENV}`,
    ]);
    expect(effects.map((effect) => effect.offset)).toEqual(
      [...effects.map((effect) => effect.offset)].sort((a, b) => a - b),
    );
    expect(next.missions.get(ID)).toEqual(log.mission());
  });
});

describe('late duplicates of a request', () => {
  const appendTo = (state: CoordinationState, id: string, timestampMs: number) =>
    describeFolded(
      evolveCoordination(state, {
        offset: state.position,
        timestampMs,
        event: requested({ mission_id: id, plan: TWO_WAVES }),
      }),
    );

  test('start nothing after a take-over, though the replay point has passed their mission', () => {
    const next = replayOf(ended(), everything);
    expect(appendTo(next, ID, T0 + REQUEST_WINDOW_MS)).toBe('void: mission known');
    expect(appendTo(next, ID, T0 + REQUEST_WINDOW_MS + 1)).toMatch(/^void/);
  });

  test('start nothing while another mission holds the replay point', () => {
    const log = ended();
    log.when(requested({ mission_id: OTHER }));
    const next = replayOf(log, everything);
    expect(next.position).toBe(log.state.position - 1);
    expect(appendTo(next, OTHER, T0 + 5)).toBe('applied');
    expect(appendTo(next, ID, T0 + 6)).toBe('void: mission known');
  });

  test('start nothing after the next holder has committed and was taken over in turn', () => {
    const second = replayOf(ended(), everything);
    const point = coordinationReplayPoint(second, everything);
    expect(
      appendTo(restoreCoordination(PARTITION, point?.offset ?? 0, point?.metadata ?? '', timeOfId), ID, T0 + 5),
    ).toBe('void: mission known');
  });

  test('start nothing after their mission was forgotten', () => {
    const log = ended();
    expect(forgetEnded(log.state, log.state.position, everything).map((mission) => mission.id)).toEqual([ID]);
    expect(log.state.missions.size).toBe(0);
    expect(log.when(requested())).toBe('void: mission known');
  });

  test('are no longer remembered when every log would refuse them', () => {
    const log = ended();
    const late = { offset: log.state.position, timestampMs: T0 + REQUEST_WINDOW_MS + 1, event: opened() };
    evolveCoordination(log.state, late);
    expect(coordinationReplayPoint(log.state, everything)?.metadata).not.toContain(ID);
    forgetEnded(log.state, log.state.position, everything);
    expect(log.state.requestedIds.size).toBe(0);
  });

  describe('whose ids do not all fit', () => {
    const ids = Array.from({ length: 200 }, (_, index) =>
      createMissionId({ nowMs: T0 + index, partition: PARTITION, random: () => 0.5 }),
    );

    function manyEnded(): MissionLog {
      const log = given(claimed(), opened());
      for (const id of ids) {
        log.when(requested({ mission_id: id }));
        log.when(cancelRequested('x', id));
        log.settle({}, id);
      }
      return log;
    }

    test('make the replay start at the first mission whose id would not', () => {
      const log = manyEnded();
      const point = coordinationReplayPoint(log.state, everything);
      const named = ids.filter((id) => point?.metadata.includes(id));
      expect(point?.metadata.length).toBeLessThanOrEqual(METADATA_LIMIT_BYTES);
      expect(point?.metadata.length).toBeGreaterThan(METADATA_LIMIT_BYTES - 200);
      expect(named).toEqual(ids.slice(0, named.length));
      expect(point?.offset).toBe(log.state.missions.get(ids[named.length] ?? '')?.firstOffset);
    });

    test('start nothing after a take-over', () => {
      const log = manyEnded();
      const next = replayOf(log, everything);
      for (const record of log.records.slice(next.position)) evolveCoordination(next, record);
      for (const id of ids) expect(appendTo(next, id, T0 + 1000)).toBe('void: mission known');
    });

    test('hold the replay point no longer than their window', () => {
      const log = manyEnded();
      evolveCoordination(log.state, {
        offset: log.state.position,
        timestampMs: T0 + REQUEST_WINDOW_MS + 100,
        event: opened(),
      });
      expect(coordinationReplayPoint(log.state, everything)?.offset).toBe(log.state.position);
    });

    test('let a holder continue from there that knows only what was replayed', () => {
      const log = manyEnded();
      const next = replayOf(log, everything);
      const start = next.position;
      expect(coordinationReplayPoint(next, everything)?.offset).toBe(start);
      for (const record of log.records.slice(start)) evolveCoordination(next, record);
      expect(coordinationReplayPoint(next, everything)?.offset).toBe(start);
    });
  });
});

describe('forgetting', () => {
  test('keeps what is open and what has effects to send', () => {
    const log = ended();
    log.when(requested({ mission_id: OTHER }));
    expect(forgetEnded(log.state, log.state.position, nothing)).toEqual([]);
    expect([...log.state.missions.keys()]).toEqual([ID, OTHER]);
  });
});

describe('metadata', () => {
  test.each([
    '',
    '[]',
    '{"v":1}',
    '{"v":2,"h":null,"e":null,"ids":[]}',
    '{"v":1,"h":null,"e":1,"ids":[]}',
    '{"v":1,"h":null,"e":null,"ids":["m-1"]}',
    '{"v":1,"h":null,"e":null,"ids":[7]}',
    '{"v":1,"h":[],"e":null,"ids":[]}',
  ])('%j was not written by this fold, and is not guessed at', (text) =>
    expect(() => restoreCoordination(PARTITION, 5, text, timeOfId)).toThrow(DataLoss),
  );

  test('leaves of an ended mission what is still to be sent, and that it was there', () => {
    const log = underWay();
    log.when(cancelRequested());
    log.settle();
    const point = coordinationReplayPoint(log.state, nothing);
    for (const effect of log.mission().effects.values())
      if (effect.event.event_type === 'task_assigned') forgetEffect(log.state, effect);
    forgetWork(log.state, ID);
    const mission = log.state.missions.get(ID);
    expect(mission).toMatchObject({
      course: { kind: 'cancelled' },
      planning: { kind: 'none' },
      waves: [],
      request: { brief: '', plan: null },
    });
    expect(mission?.tasks.size).toBe(0);
    expect([...(mission?.effects.values() ?? [])].map((effect) => effect.event.event_type)).toEqual([
      'task_cancelled',
      'task_cancelled',
    ]);
    expect(coordinationReplayPoint(log.state, nothing)).toEqual(point);
    expect(log.when(requested())).toBe('void: mission known');
    expect(log.when(completed(CERT))).toBe('void: mission ended');
  });

  test('leaves an open mission as it is but for the effects that were acknowledged', () => {
    const log = underWay();
    const before = { ...log.mission(), effects: null };
    forgetWork(log.state, ID);
    for (const effect of log.mission().effects.values())
      if (effect.event.payload.task_id === CERT) forgetEffect(log.state, effect);
    const { effects } = log.mission();
    expect([...effects.values()].map((effect) => effect.event.payload.task_id)).toEqual([ENV]);
    expect({ ...log.mission(), effects: null }).toEqual(before);
    log.when(completed(CERT));
    expect(log.mission().tasks.get(CERT)?.status).toBe('verified');
  });
});

describe('an answer of a worker', () => {
  test.each([
    ['acceptance', accepted(CERT)],
    ['result', completed(CERT)],
  ])('shows that its assignment has arrived: %s', (_, event) => {
    const mission = underWay().state.missions.get(ID);
    if (mission === undefined) throw new Error('no mission');
    expect(answeredEffect(mission, event)?.event.payload).toMatchObject({ task_id: CERT, attempt: 1 });
  });

  test('shows nothing of another attempt', () => {
    const mission = underWay().state.missions.get(ID);
    if (mission === undefined) throw new Error('no mission');
    expect(answeredEffect(mission, accepted(CERT, 2))).toBeNull();
    expect(answeredEffect(mission, cancelRequested())).toBeNull();
  });
});
