import { outcomeOf, type Fault } from '../../src/client/artifact-outcome.js';

const PLACE = { host: 'build-1', place: '/w/m1/a.txt' };
const volume = (kind: Fault['kind'], why: string): Fault => ({ from: 'the volume', kind, why });
const worker = (kind: Fault['kind'], why: string): Fault => ({ from: 'worker-build-1-7-ab12', kind, why });

test.each<[string, readonly Fault[], ReturnType<typeof outcomeOf>['outcome'], string]>([
  ['build-1', [volume('changed', 'it has changed')], 'changed', ': it has changed (since its task ended)'],
  // Another computer may have something else at the same path.
  ['laptop', [volume('changed', 'it has changed')], 'unreachable', '; the volume: it has changed'],
  [
    'laptop',
    [volume('changed', 'it has changed'), worker('unreachable', 'it does not answer')],
    'unreachable',
    '; the volume: it has changed; worker-build-1-7-ab12: it does not answer',
  ],
  [
    'laptop',
    [volume('unreachable', 'x'), worker('changed', 'it is gone')],
    'changed',
    ': it is gone (since its task ended)',
  ],
  [
    'laptop',
    [worker('refused', 'no token'), worker('changed', 'it is gone')],
    'changed',
    ': it is gone (since its task ended)',
  ],
  [
    'laptop',
    [worker('unreachable', 'x'), worker('refused', 'no token')],
    'refused',
    '; worker-build-1-7-ab12: x; worker-build-1-7-ab12: no token',
  ],
  ['build-1', [volume('unreachable', 'the file is not there')], 'unreachable', ''],
])('on %s, %j is %s', (here, faults, outcome, rest) => {
  expect(outcomeOf(PLACE, faults, here)).toEqual({ outcome, from: null, why: `on build-1: /w/m1/a.txt${rest}` });
});
