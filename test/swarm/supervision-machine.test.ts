/** The supervisor's table: what each input does in each state. */
import {
  NOT_STARTED,
  RESTARTS,
  supervise,
  type Supervision,
  type SupervisionAction,
  type SupervisionInput,
} from '../../src/swarm/supervision.js';

const error = new Error('the broker went away');
const lasting = Object.assign(new Error('records are gone'), { retriable: false });
const passing = Object.assign(new Error('the broker is busy'), { retriable: true });
const starting: Supervision = { ...NOT_STARTED, current: 1 };
const running: Supervision = { ...starting, runningSinceMs: 1_000 };
const closing = (failures: number): Supervision => ({ ...NOT_STARTED, failures });
const restartOf = (failures: number, pauseMs: number): SupervisionAction => ({
  kind: 'restart',
  pauseMs,
  failures,
  error,
});
const LATER = 1_000 + RESTARTS.recoveredMs;
const MOST = RESTARTS.mostFailures;

type Row = [string, Supervision, SupervisionInput, Partial<Supervision>, readonly SupervisionAction[]];

const ROWS: readonly Row[] = [
  ['a role is created', closing(2), { kind: 'created', role: 3 }, { current: 3, runningSinceMs: null }, []],
  [
    'the current role has started',
    starting,
    { kind: 'started', role: 1, nowMs: 1_000 },
    { runningSinceMs: 1_000 },
    [{ kind: 'resolve_start' }],
  ],
  ['an earlier role has started', { ...starting, current: 2 }, { kind: 'started', role: 1, nowMs: 1_000 }, {}, []],
  [
    'the first start fails with an error that says nothing',
    starting,
    { kind: 'start_failed', role: 1, error, nowMs: 5 },
    {},
    [{ kind: 'reject_start', error }],
  ],
  [
    'the first start fails with an error that may pass',
    starting,
    { kind: 'start_failed', role: 1, error: passing, nowMs: 5 },
    { current: null, failures: 1 },
    [{ kind: 'close', error: passing }],
  ],
  [
    'a later start fails',
    { ...starting, current: 2, failures: 1 },
    { kind: 'start_failed', role: 2, error, nowMs: 5 },
    { current: null, failures: 2 },
    [{ kind: 'close', error }],
  ],
  ['the start of an earlier role fails', closing(0), { kind: 'start_failed', role: 1, error, nowMs: 5 }, {}, []],
  [
    'a role fails just before it counts as recovered',
    { ...running, failures: 2 },
    { kind: 'failed', role: 1, error, nowMs: LATER - 1 },
    { current: null, runningSinceMs: null, failures: 3 },
    [{ kind: 'close', error }],
  ],
  [
    'a recovered role fails',
    { ...running, failures: 2 },
    { kind: 'failed', role: 1, error, nowMs: LATER },
    { current: null, runningSinceMs: null, failures: 1 },
    [{ kind: 'close', error }],
  ],
  ['a role fails a second time', closing(1), { kind: 'failed', role: 1, error, nowMs: 5 }, {}, []],
  [
    'a role fails after the stop',
    { ...running, isStopped: true },
    { kind: 'failed', role: 1, error, nowMs: 5 },
    {},
    [],
  ],
  ['the first failure is closed', closing(1), { kind: 'closed', error, chance: 0.5 }, {}, [restartOf(1, 500)]],
  ['the fifth failure is closed', closing(5), { kind: 'closed', error, chance: 0.5 }, {}, [restartOf(5, 7_500)]],
  [
    'the last failure is closed',
    closing(MOST),
    { kind: 'closed', error, chance: 0.5 },
    {},
    [{ kind: 'give_up', failures: MOST, error }],
  ],
  [
    'a failure that no restart can fix is closed',
    closing(1),
    { kind: 'closed', error: lasting, chance: 0.5 },
    {},
    [{ kind: 'give_up', failures: null, error: lasting }],
  ],
  [
    'a failure is closed after the stop',
    { ...closing(1), isStopped: true },
    { kind: 'closed', error, chance: 0 },
    {},
    [],
  ],
  [
    'the next role cannot be created',
    closing(1),
    { kind: 'not_created', error, chance: 0.5 },
    { failures: 2 },
    [restartOf(2, 1_000)],
  ],
  [
    'the next role cannot be created after the stop',
    { ...closing(1), isStopped: true },
    { kind: 'not_created', error, chance: 0.5 },
    {},
    [],
  ],
  ['it is stopped', running, { kind: 'stop' }, { isStopped: true }, []],
];

describe('the supervisor, input by input', () => {
  test.each(ROWS)('%s', (_, state, input, changed, actions) => {
    expect(supervise(state, input)).toEqual({ state: { ...state, ...changed }, actions });
  });
});
