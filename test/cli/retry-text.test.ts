import { plannedText } from '../../src/cli/actions/retry.js';
import { TWO_WAVES } from '../domain/support/mission-log.js';

const continues = '20261123-141502-417-p03-hhhh';

test.each([
  [{ carried: ['a'], runs: ['b', 'c'] }, TWO_WAVES, '1 verified task is checked first, 2 run: b, c'],
  [{ carried: ['a', 'b'], runs: ['c'] }, TWO_WAVES, '2 verified tasks are checked first, 1 runs: c'],
  [{ carried: ['a', 'b'], runs: [] }, TWO_WAVES, '2 verified tasks are checked first, none runs'],
  [{ carried: [], runs: [] }, null, 'a planner makes the plan'],
  [
    { carried: [], runs: ['a'], changedInputs: ['zone', 'port'] },
    TWO_WAVES,
    '0 verified tasks are checked first, 1 runs: a; nothing is carried, as inputs have changed: zone, port',
  ],
])('says what a mission that continues another one begins with: %#', (retried, plan, text) => {
  expect(plannedText({ continues, changedInputs: [], ...retried }, { plan })).toBe(`continues ${continues}: ${text}`);
});
