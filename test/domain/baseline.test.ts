import { BASELINE_TIMED_OUT, NOT_RUN, verdictOn } from '../../src/domain/baseline.js';
import type { CheckBaseline } from '../../src/domain/baseline.js';

const CHECK = { name: 'lint', command: 'node lint.mjs' };
const SLOW = BASELINE_TIMED_OUT;
const before = (workspace: number, empty: number): CheckBaseline => ({ workspace, empty });

describe('what a check that passes at the end has shown', () => {
  test.each([
    [0, 0, 'vacuous'],
    [0, 1, 'held_before'],
    [0, SLOW, 'held_before'],
    [1, 0, null], // it has failed in the workspace, and passes there now
    [1, 1, null],
    [1, SLOW, null],
    [SLOW, 0, 'vacuous'],
    [SLOW, 1, 'not_known'],
    [SLOW, SLOW, 'not_known'],
    [NOT_RUN, 0, 'vacuous'],
    [NOT_RUN, 1, null],
    [NOT_RUN, SLOW, 'not_known'], // it may need nothing of the workspace
    [NOT_RUN, NOT_RUN, null],
  ])('%d in the workspace and %d in an empty directory before: %p', (workspace, empty, verdict) =>
    expect(verdictOn(CHECK, before(workspace, empty))).toBe(verdict),
  );

  test('a command that checks nothing is vacuous, whatever was so before', () =>
    expect(verdictOn({ ...CHECK, command: 'true' }, before(1, 1))).toBe('vacuous'));

  test('of an older build, which has no baseline, only its form counts', () =>
    expect([verdictOn(CHECK, undefined), verdictOn({ ...CHECK, command: ':' }, undefined)]).toEqual([null, 'vacuous']));
});
