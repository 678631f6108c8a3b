import { createAttemptJournal } from '../../src/domain/attempt-journal.js';
import { reportAttempt, type AttemptReport } from '../../src/domain/attempt-report.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import { MOST_CONNECTIONS } from '../../src/domain/kept-connections.js';
import { createTaskPartitionState, evolveTaskPartition } from '../../src/domain/task-partition.js';
import { eventOf, recordsOf } from './support/events.js';
import {
  assigned,
  called,
  cancelled,
  claimed,
  completed,
  failed,
  MISSION,
  returned,
  source,
  TASK,
} from './support/task-log.js';

/** What a reader of the task sees, who begins at the first of these events. */
function read(...events: readonly AgentEvent[]): { readonly ended: AttemptReport[]; readonly rest: AttemptReport[] } {
  const journal = createAttemptJournal(({ mission_id, task_id }) => mission_id === MISSION && task_id === TASK);
  const ended = recordsOf(events).flatMap((record) => journal.apply(record));
  return { ended: ended.map(reportAttempt), rest: journal.rest().map(reportAttempt) };
}

const connected = (step: number, changes: Partial<PayloadOf<'connection_ended'>> = {}) =>
  eventOf('connection_ended', {
    ...{ mission_id: MISSION, task_id: TASK, attempt: 1, step, owner: 'a' },
    ...{ host: 'a.example', port: 443, address: '1.1.1.1', outcome: 'ended', reason: null },
    ...{ bytes_sent: 1, bytes_received: 1, duration_ms: 1, connections: 1 },
    ...changes,
  });
const stepsOf = ({ steps }: AttemptReport) => steps.map(({ step, outcome }) => `${step} ${outcome?.kind ?? 'open'}`);

describe('the journal of an attempt', () => {
  test('has its steps with their outcomes, and its end', () => {
    const { ended, rest } = read(
      claimed('a'),
      assigned(source(10)),
      called('a', 1),
      returned('a', 1),
      called('a', 2),
      returned('a', 2, 'error'),
      failed('a'),
    );
    expect(ended.map(({ attempt, status }) => [attempt, status])).toEqual([[1, 'failed']]);
    expect(ended.map(stepsOf)).toEqual([['1 ok', '2 error']]);
    expect(ended[0]?.error?.code).toEqual(expect.any(String));
    expect(rest).toEqual([]);
  });

  test('is complete for a reader who begins after the claim', () => {
    const { ended } = read(assigned(source(10)), called('a', 1), returned('a', 1), completed('a'));
    expect(ended.map(stepsOf)).toEqual([['1 ok']]);
    expect(ended[0]).toMatchObject({ status: 'completed', summary: expect.any(String) });
  });

  test('leaves out what a worker wrote after it had lost its claim', () => {
    const { ended } = read(
      assigned(source(10)),
      called('a', 1),
      claimed('b'),
      completed('a'),
      returned('b', 1, 'unknown'),
      called('a', 2),
      called('b', 2),
      returned('b', 2),
      completed('b'),
    );
    expect(ended.map(stepsOf)).toEqual([['1 unknown', '2 ok']]);
  });

  test('waits for the outcome of the step that ran when the attempt was cancelled', () => {
    const { ended } = read(assigned(source(10)), called('a', 1), cancelled(source(11)), returned('a', 1, 'aborted'));
    expect(ended.map(({ status }) => status)).toEqual(['cancelled']);
    expect(ended.map(stepsOf)).toEqual([['1 aborted']]);
  });

  test('of an attempt that has not ended comes last, as far as it is', () => {
    const { ended, rest } = read(assigned(source(10)), called('a', 1));
    expect(ended).toEqual([]);
    expect(rest.map(({ status }) => status)).toEqual(['open']);
    expect(rest.map(stepsOf)).toEqual([['1 open']]);
  });

  test('keeps nothing of other tasks and of ended attempts', () => {
    const journal = createAttemptJournal(({ task_id }) => task_id === TASK);
    const events = [
      assigned(source(9), { task: 'other' }),
      assigned(source(10)),
      completed('a'),
      assigned(source(11), { attempt: 2 }),
    ];
    for (const record of recordsOf(events)) journal.apply(record);
    expect(journal.rest().map(({ assignment }) => [assignment.task_id, assignment.attempt])).toEqual([[TASK, 2]]);
  });

  test('has the first thousand connections each, and adds up what follows', () => {
    const refused = (step: number, n: number) => connected(step, { host: `${n}.example`, outcome: 'refused' });
    const { ended } = read(
      assigned(source(10)),
      called('a', 1),
      ...Array.from({ length: 9_000 }, () => connected(1)),
      ...Array.from({ length: 1_000 }, (_, n) => refused(1, n)),
      returned('a', 1),
      called('a', 2),
      connected(2),
      returned('a', 2),
      completed('a'),
    );
    const [first = [], second = []] = ended[0]?.steps.map(({ connections }) => connections) ?? [];
    expect(first).toHaveLength(MOST_CONNECTIONS + 2);
    expect(first.at(-2)).toMatchObject({ host: 'a.example', outcome: 'ended', connections: 8_000, bytes_sent: 8_000 });
    expect(first.at(-1)).toMatchObject({ host: null, outcome: 'refused', connections: 1_000 });
    expect(second).toMatchObject([{ host: 'a.example', connections: 1 }]);
  });

  test("is the reader's: a connection changes nothing in a worker's fold", () => {
    const state = createTaskPartitionState();
    const records = recordsOf([claimed('a'), assigned(source(10)), called('a', 1), connected(1)]);
    for (const record of records.slice(0, -1)) evolveTaskPartition(state, record);
    const before = [...state.attempts.values()];
    expect(records.slice(-1).map((record) => evolveTaskPartition(state, record).kind)).toEqual(['applied']);
    expect([...state.attempts.values()].map((attempt, at) => attempt === before[at])).toEqual([true]);
  });

  test('shows arguments that are no JSON object as text', () => {
    const call = called('a', 1);
    const odd = { ...call, payload: { ...call.payload, arguments: 'no json' } } as AgentEvent;
    const { rest } = read(assigned(source(10)), odd);
    expect(rest[0]?.steps[0]?.arguments).toEqual({ text: 'no json' });
  });
});
