import { unmetRequirement } from '../../src/domain/requirements.js';
import { statusRequest, taskAssigned } from '../contract/events.js';

describe('what a record requires of the build that handles it', () => {
  test.each<[requires: readonly string[], known: readonly string[], reason: string | null]>([
    [[], [], null],
    [[], ['a'], null],
    [['a'], ['a', 'b'], null],
    [['a', 'b'], ['a', 'b'], null],
    [['a'], [], 'task_assigned requires a, which this build does not know; upgrade it'],
    [['a', 'b'], ['a'], 'task_assigned requires b, which this build does not know; upgrade it'],
    [['x', 'y'], ['a'], 'task_assigned requires x, y, which this build does not know; upgrade it'],
  ])('requires %j where %j is known: %s', (requires, known, reason) => {
    expect(unmetRequirement(taskAssigned(requires), known)).toBe(reason);
  });

  test('an event without requirements can always be handled', () => {
    expect(unmetRequirement(statusRequest('who is there?'))).toBeNull();
  });
});
