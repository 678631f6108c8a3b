import { createAttemptJournal } from '../../src/domain/attempt-journal.js';
import { reportAttempt, type AttemptReport } from '../../src/domain/attempt-report.js';
import type { AgentEvent } from '../../src/domain/events.js';
import { recordsOf } from './support/events.js';
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

  test('shows arguments that are no JSON object as text', () => {
    const call = called('a', 1);
    const odd = { ...call, payload: { ...call.payload, arguments: 'no json' } } as AgentEvent;
    const { rest } = read(assigned(source(10)), odd);
    expect(rest[0]?.steps[0]?.arguments).toEqual({ text: 'no json' });
  });
});
