import { createCoordinationState } from '../../src/domain/mission-state.js';
import { coordinationReplayPoint } from '../../src/domain/mission-replay.js';
import { recoverReplayPoint } from '../../src/domain/replay-recovery.js';
import { replayStart } from '../../src/domain/replay-start.js';
import { decodeTaskSnapshot, encodeTaskSnapshot } from '../../src/domain/task-replay.js';

const place = { topic: 'ravenhelm.squad.tasks.cert_agent', partition: 2 };
const marks = { 'e1/4': 17 };
const tasksFold = encodeTaskSnapshot({ holder: { owner: 'worker-1/aa', claimOffset: 3 }, marks });
const coordinationFold = (epoch: string) => {
  const state = createCoordinationState(2, 0, { holder: null, epoch });
  const point = coordinationReplayPoint(state, () => true);
  if (point === null) throw new Error('it fits');
  return point.metadata;
};

describe('continuing behind lost records', () => {
  test('there is nothing to recover where the replay point is sound', () => {
    expect(
      recoverReplayPoint('tasks', { ...place, committed: { offset: 5, metadata: tasksFold }, logStart: 3, logEnd: 9 }),
    ).toBeNull();
    expect(recoverReplayPoint('tasks', { ...place, committed: null, logStart: 0, logEnd: 9 })).toBeNull();
  });

  test('a tasks partition continues at the log start with its marks, so that no assignment is taken twice', () => {
    const recovery = recoverReplayPoint('tasks', {
      ...place,
      committed: { offset: 5, metadata: tasksFold },
      logStart: 8,
      logEnd: 9,
    });
    expect(recovery?.point.offset).toBe(8);
    expect(decodeTaskSnapshot(recovery?.point.metadata ?? '').marks).toEqual(marks);
    expect(recovery?.loss).toContain('the replay point 5 lies outside the log (8 to 9)');
  });

  test.each([
    ['nothing was committed', null],
    ['another client committed', { offset: 5, metadata: '' }],
    ['the metadata is not a fold', { offset: 5, metadata: 'what?' }],
  ])('a tasks partition continues without marks when %s', (_, committed) => {
    const recovery = recoverReplayPoint('tasks', { ...place, committed, logStart: 2, logEnd: 9 });
    expect(recovery?.point.offset).toBe(2);
    expect(decodeTaskSnapshot(recovery?.point.metadata ?? '').marks).toEqual({});
  });

  test('a coordination partition keeps its epoch when records were deleted', () => {
    const recovery = recoverReplayPoint('coordination', {
      ...place,
      committed: { offset: 5, metadata: coordinationFold('e1') },
      logStart: 8,
      logEnd: 9,
    });
    expect(recovery?.point).toEqual({ offset: 8, metadata: coordinationFold('e1') });
  });

  test('a coordination partition gets a new epoch when the topic was recreated', () => {
    const recovery = recoverReplayPoint('coordination', {
      ...place,
      committed: { offset: 50, metadata: coordinationFold('e1') },
      logStart: 0,
      logEnd: 9,
    });
    expect(recovery?.point.offset).toBe(0);
    expect(recovery?.point.metadata).not.toContain('e1');
  });

  test('what it commits is a place where a fold starts', () => {
    const recovery = recoverReplayPoint('tasks', { ...place, committed: null, logStart: 4, logEnd: 9 });
    expect(replayStart({ ...place, committed: recovery?.point ?? null, logStart: 4, logEnd: 9 }).offset).toBe(4);
  });
});
