import { tasksChangedBy } from '../../src/roles/orchestrator/touched-missions.js';
import {
  approved,
  budgetRequested,
  CERT,
  failed,
  ID,
  pauseRequested,
  requested,
  retryRequested,
  underWay,
} from '../domain/support/mission-log.js';
import { eventOf } from '../domain/support/events.js';

/** What an event makes the next tick look at must not grow with the mission: anyone may cause a void request. */
test.each([
  [
    'request_void',
    eventOf('request_void', {
      mission_id: ID,
      owner: 'o',
      request_id: 'r',
      request_type: 'mission_pause_requested',
      requested_by: 'eve',
      code: 'unsigned',
      reason: 'not signed',
    }),
    [],
  ],
  ['mission_waits', eventOf('mission_waits', { mission_id: ID, owner: 'o', reason: 'cap', until: 1 }), []],
  ['mission_budget_requested', budgetRequested({ minutes: 5 }), []],
  ['mission_pause_requested', pauseRequested(), 'all'],
  ['plan_approved', approved(1), 'all'],
])('%s touches the tasks that it may change', (_, event, tasks) => {
  expect(tasksChangedBy(event, underWay().mission())).toEqual(tasks);
});

test('a result touches its task only', () => {
  expect(tasksChangedBy(failed('deploy-a-wave1'), underWay().mission())).toEqual(['deploy-a-wave1']);
});

test.each([CERT, null])('a question to a person touches each task of its mission (asked about %s)', (task_id) => {
  const payload = { mission_id: ID, owner: 'o', number: 1, task_id, reason: 'no openssl', question: 'What now?' };
  expect(tasksChangedBy(eventOf('attention_requested', payload), underWay().mission())).toBe('all');
});

test('the request of a mission that is not there yet touches all that it will have', () => {
  expect(tasksChangedBy(requested(), undefined)).toBe('all');
});

test('a request that must wait touches nothing until it is accepted; then what it is about', () => {
  const signed = { signed_by: 'ann', key_id: 'k', signature: 's', cluster: null };
  const log = underWay({ signed });
  const [pause, retry] = [pauseRequested(), retryRequested(CERT, 1)];
  for (const event of [pause, retry]) {
    expect(tasksChangedBy(event, log.mission())).toEqual([]);
    expect(log.when(event)).toBe('applied');
  }
  const acceptance = (request_id: string, request_type: string) =>
    eventOf('request_accepted', {
      mission_id: ID,
      owner: 'o',
      request_id,
      request_type,
      requested_by: 'ann',
      signed_by: 'ann',
      key_id: 'k',
    });
  expect(tasksChangedBy(acceptance(pause.event_id, 'mission_pause_requested'), log.mission())).toBe('all');
  expect(tasksChangedBy(acceptance(retry.event_id, 'task_retry_requested'), log.mission())).toEqual([CERT]);
  expect(tasksChangedBy(acceptance('another', 'mission_requested'), log.mission())).toEqual([]);
});
