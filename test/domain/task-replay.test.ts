import { DataLoss, METADATA_LIMIT_BYTES } from '../../src/domain/record.js';
import { createTaskPartitionState, evolveTaskPartition } from '../../src/domain/task-partition.js';
import {
  decodeTaskSnapshot,
  encodeTaskSnapshot,
  forgetJournal,
  forgetSettled,
  taskReplayPoint,
} from '../../src/domain/task-replay.js';
import {
  assigned,
  called,
  cancelled,
  claimed,
  completed,
  failed,
  given,
  keyOf,
  returned,
  source,
  type TaskLog,
} from './support/task-log.js';

const SECOND = { task: 'deploy-cert_agent-wave2' };
const nothing = () => false;
const everything = () => true;
const only =
  (...keys: readonly string[]) =>
  (key: string) =>
    keys.includes(key);

/** Offset and small state where the next holder would begin. */
function replayOf(log: TaskLog, isAcknowledged: (key: string) => boolean) {
  const point = taskReplayPoint(log.state, isAcknowledged);
  return point === null ? null : { offset: point.offset, ...decodeTaskSnapshot(point.metadata) };
}

describe('the replay point of a tasks partition', () => {
  test('is the position while nothing is open, with holder and marks as they are now', () => {
    const log = given(claimed('a'), assigned(source(10)), completed('a'));
    expect(replayOf(log, everything)).toEqual({
      offset: 3,
      holder: { owner: 'a', claimOffset: 0 },
      marks: { 'log-1/3': 10 },
    });
  });

  test('is the first record of the oldest open attempt, with holder and marks as they were just before it', () => {
    const log = given(claimed('a'), assigned(source(10)), claimed('b'), assigned(source(11), SECOND), called('b', 1));
    expect(replayOf(log, nothing)).toEqual({ offset: 1, holder: { owner: 'a', claimOffset: 0 }, marks: {} });
  });

  test('passes an attempt whose end was acknowledged, up to the next open one', () => {
    const log = given(claimed('a'), assigned(source(10)), assigned(source(11), SECOND), completed('a'));
    expect(replayOf(log, only(keyOf()))).toEqual({
      offset: 2,
      holder: { owner: 'a', claimOffset: 0 },
      marks: { 'log-1/3': 10 },
    });
  });

  test('is held by a result that was not acknowledged, also of a failure', () => {
    const log = given(
      claimed('a'),
      assigned(source(10)),
      failed('a'),
      assigned(source(11), SECOND),
      completed('a', SECOND),
    );
    expect(replayOf(log, only(keyOf(SECOND)))?.offset).toBe(1);
    expect(replayOf(log, everything)?.offset).toBe(5);
  });

  test('is not held by a cancelled attempt, which has no result to send', () => {
    const log = given(claimed('a'), assigned(source(10)), cancelled(source(11)));
    expect(replayOf(log, nothing)?.offset).toBe(3);
  });

  test('an acknowledgement of an open attempt settles nothing', () => {
    const log = given(claimed('a'), assigned(source(10)));
    expect(replayOf(log, everything)?.offset).toBe(1);
  });

  test('gives the next holder the steps that were finished, the one in doubt, and who held', () => {
    const log = given(claimed('a'), assigned(source(10)), called('a', 1), returned('a', 1), called('a', 2));
    const point = taskReplayPoint(log.state, nothing);
    if (point === null) throw new Error('no replay point');
    const next = createTaskPartitionState(point.offset, decodeTaskSnapshot(point.metadata));
    for (const record of log.records.slice(point.offset)) evolveTaskPartition(next, record);
    expect(next).toEqual(log.state);
  });

  test('waits where its metadata does not fit: a broker would refuse the commit', () => {
    const log = given(
      claimed('a'),
      ...Array.from({ length: 300 }, (_, partition) =>
        assigned(source(1, 'log-1', partition), { attempt: partition + 1 }),
      ),
    );
    for (let attempt = 1; attempt <= 300; attempt += 1) log.when(completed('a', { attempt }));
    expect(encodeTaskSnapshot(log.state).length).toBeGreaterThan(METADATA_LIMIT_BYTES);
    expect(taskReplayPoint(log.state, everything)).toBeNull();
    expect(taskReplayPoint(log.state, nothing)?.offset).toBe(1);
  });

  test('fits for the coordination partitions of a large swarm', () => {
    const log = given(
      claimed('worker-0123456789/01234567'),
      ...Array.from({ length: 64 }, (_, partition) =>
        assigned(source(123_456_789, '0a1b2c3d', partition), { attempt: partition + 1 }),
      ),
    );
    for (let attempt = 1; attempt <= 64; attempt += 1) log.when(completed('worker-0123456789/01234567', { attempt }));
    expect(taskReplayPoint(log.state, everything)?.offset).toBe(129);
  });
});

describe('forgetting', () => {
  test('drops attempts below the replay point that are settled, and says which', () => {
    const log = given(claimed('a'), assigned(source(10)), assigned(source(11), SECOND), completed('a'));
    expect(forgetSettled(log.state, 2, everything)).toEqual([keyOf()]);
    expect([...log.state.attempts.keys()]).toEqual([keyOf(SECOND)]);
  });

  test('never drops what is open or not acknowledged', () => {
    const log = given(claimed('a'), assigned(source(10)), assigned(source(11), SECOND), completed('a', SECOND));
    expect(forgetSettled(log.state, 5, nothing)).toEqual([]);
    expect(log.state.attempts.size).toBe(2);
  });

  test('what was forgotten is not taken again', () => {
    const log = given(claimed('a'), assigned(source(10)), completed('a'));
    forgetSettled(log.state, 3, everything);
    expect(log.when(assigned(source(10)))).toBe('void: source taken before');
  });

  test('an ended attempt behind an open one keeps its result until that was acknowledged, and nothing else', () => {
    const log = given(
      claimed('a'),
      assigned(source(10)),
      assigned(source(11), SECOND),
      called('a', 1, SECOND),
      returned('a', 1, 'ok', SECOND),
      completed('a', SECOND),
    );
    const replay = taskReplayPoint(log.state, nothing);
    forgetJournal(log.state, keyOf(SECOND), nothing);
    const ended = log.state.attempts.get(keyOf(SECOND));
    expect(ended).toMatchObject({
      status: 'completed',
      steps: [],
      result: { type: 'task_completed' },
      assignment: { task_id: SECOND.task, agent: 'cert_agent', source: source(11), brief: '', description: '' },
    });
    forgetJournal(log.state, keyOf(SECOND), everything);
    expect(log.state.attempts.get(keyOf(SECOND))?.result).toBeNull();
    expect(taskReplayPoint(log.state, nothing)).toEqual(replay);
  });

  test('an attempt whose journal was forgotten is still known, and nothing of it counts again', () => {
    const log = given(
      claimed('a'),
      assigned(source(10)),
      assigned(source(11), SECOND),
      called('a', 1, SECOND),
      cancelled(source(12), SECOND),
    );
    forgetJournal(log.state, keyOf(SECOND), everything);
    expect(log.when(assigned(source(13), SECOND))).toBe('void: attempt known');
    expect(log.when(returned('a', 1, 'ok', SECOND))).toBe('void: no such step');
    expect(log.when(completed('a', SECOND))).toBe('void: attempt not open');
  });

  test('an open attempt keeps its journal', () => {
    const log = given(claimed('a'), assigned(source(10)), called('a', 1));
    forgetJournal(log.state, keyOf(), everything);
    expect(log.state.attempts.get(keyOf())).toMatchObject({
      steps: [{ call: { step: 1 } }],
      assignment: { brief: 'deploy' },
    });
  });
});

describe('metadata', () => {
  test.each([
    [{ holder: null, marks: {} }],
    [{ holder: { owner: 'w-1/ab', claimOffset: 7 }, marks: { 'log-1/0': 0, 'log-2/11': 99 } }],
  ])('%j is read as it was written', (snapshot) => {
    expect(decodeTaskSnapshot(encodeTaskSnapshot(snapshot))).toEqual(snapshot);
  });

  test.each([
    '',
    'x',
    'null',
    '[]',
    '{}',
    '{"v":2,"h":null,"m":{}}',
    '{"v":1,"h":null}',
    '{"v":1,"h":null,"m":{"a":"1"}}',
    '{"v":1,"h":null,"m":[1]}',
    '{"v":1,"h":["a"],"m":{}}',
    '{"v":1,"m":{}}',
  ])('%j was not written by this fold, and is not guessed at', (text) =>
    expect(() => decodeTaskSnapshot(text)).toThrow(DataLoss),
  );

  test('is ASCII, so that its length is what the broker counts', () => {
    const text = encodeTaskSnapshot({ holder: { owner: 'wörker-☃', claimOffset: 1 }, marks: { 'ä/1': 1 } });
    expect(Buffer.byteLength(text)).toBe(text.length);
    expect(decodeTaskSnapshot(text)).toEqual({ holder: { owner: 'wörker-☃', claimOffset: 1 }, marks: { 'ä/1': 1 } });
  });
});
