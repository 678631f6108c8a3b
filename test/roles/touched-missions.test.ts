import { tasksChangedBy } from '../../src/roles/orchestrator/touched-missions.js';
import { failed, ID, requested } from '../domain/support/mission-log.js';
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
  ['mission_requested', requested(), 'all'],
])('%s touches the tasks that it may change', (_, event, tasks) => {
  expect(tasksChangedBy(event)).toEqual(tasks);
});

test('a result touches its task only', () => {
  expect(tasksChangedBy(failed('deploy-a-wave1'))).toEqual(['deploy-a-wave1']);
});
