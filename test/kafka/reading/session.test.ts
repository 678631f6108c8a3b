import type { Action, Input } from '../../../src/kafka/reading/inputs.js';
import { groupReader } from '../../../src/kafka/reading/state.js';
import { step } from '../../../src/kafka/reading/step.js';

const HOUR_MS = 3_600_000;
const joined = (wallMs = 0): Input => ({ kind: 'joined', assignment: [], memberId: 'm', wallMs });
const crash = (restarts: boolean, passing = true): Input => ({
  kind: 'crashed',
  cause: new Error('loading'),
  passing,
  restarts,
});
const timedOut: Input = { kind: 'join_timed_out', cause: new Error('45 s') };

/** What the last of these inputs makes the reader ask for. */
function after(...inputs: readonly Input[]): readonly Action[] {
  let state = groupReader('g', ['t']);
  let actions: readonly Action[] = [];
  for (const input of inputs) ({ state, actions } = step(state, input));
  return actions;
}
const kinds = (actions: readonly Action[]) =>
  actions.map((action) => (action.kind === 'log' ? `${action.level} ${action.event}` : action.kind));

test.each<[string, readonly Input[], readonly string[]]>([
  ['a first join is accepted', [joined()], ['accepted']],
  ['a later one needs no word', [joined(), joined()], []],
  ['a failure that passes is no warning', [joined(), crash(true)], ['info kafka.member_interrupted']],
  ['one that does not say that it passes is', [joined(), crash(true, false)], ['warn kafka.member_interrupted']],
  [
    'a fifth in a row is a warning',
    [joined(), ...Array.from({ length: 5 }, () => crash(true))],
    ['warn kafka.member_interrupted'],
  ],
  [
    'a join between them counts from the beginning',
    [joined(), ...Array.from({ length: 5 }, () => crash(true)), joined(), crash(true)],
    ['info kafka.member_interrupted'],
  ],
  ['a client that ends before it joined is refused', [crash(false)], ['warn kafka.member_interrupted', 'refused']],
  ['one that ends later is lost', [joined(), crash(false)], ['warn kafka.member_interrupted', 'client_lost']],
  ['a join that does not come in time is refused', [timedOut], ['refused']],
  ['a late time-out changes nothing', [joined(), timedOut], []],
  ['who joins after leaving leaves again', [{ kind: 'left' }, joined()], ['leave_again']],
  ['a crash after leaving changes nothing', [joined(), { kind: 'left' }, crash(false)], []],
  [
    'a clock that was set back by hours restarts the client',
    [joined(HOUR_MS), { kind: 'clock', wallMs: 0 }],
    ['warn kafka.clock_moved_backwards', 'restart_client'],
  ],
  ['by less than a second it does not', [joined(HOUR_MS), { kind: 'clock', wallMs: HOUR_MS - 1_000 }], []],
  [
    'it is held against the last heartbeat',
    [joined(0), { kind: 'heartbeat', wallMs: HOUR_MS }, { kind: 'clock', wallMs: 0 }],
    ['warn kafka.clock_moved_backwards', 'restart_client'],
  ],
  [
    'and not looked at while the client is stopped',
    [joined(HOUR_MS), { kind: 'client_stopped' }, { kind: 'clock', wallMs: 0 }],
    [],
  ],
])('%s', (_, inputs, expected) => {
  expect(kinds(after(...inputs))).toEqual(expected);
});
