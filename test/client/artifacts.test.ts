import { artifactsOf } from '../../src/client/artifacts.js';
import { CERT, completed, ENV, planOf, underWay } from '../domain/support/mission-log.js';

/** A mission of two tasks, of which only the first lists patterns. */
function begun() {
  const plan = planOf([['cert_agent', 'env_agent']]);
  const waves = plan.waves.map((wave) => ({
    ...wave,
    tasks: wave.tasks.map((task) => ({ ...task, artifacts: task.agent === 'cert_agent' ? ['dist/**'] : [] })),
  }));
  return underWay({ plan: { ...plan, waves } });
}

function ended(listed: object | null) {
  const log = begun();
  const result = completed(CERT);
  if (result.event_type !== 'task_completed') throw new Error('no result');
  log.when({ ...result, payload: { ...result.payload, artifacts: listed as typeof result.payload.artifacts } });
  log.when(completed(ENV));
  return artifactsOf(log.mission());
}

test('before its end a task has neither files nor warnings', () =>
  expect(artifactsOf(begun().mission())).toEqual({ artifacts: [], warnings: [] }));

test('files have the place where their worker saw them', () => {
  const files = [{ path: 'dist/a.js', bytes: 3, digest: 'abc' }];
  const list = {
    worker_id: 'w',
    host: 'h',
    directory: '/srv/w',
    files,
    unmatched: [],
    left_out: [],
    left_out_count: 0,
  };
  expect(ended(list)).toEqual({
    artifacts: [{ task_id: CERT, path: 'dist/a.js', bytes: 3, sha256: 'abc', host: 'h', place: '/srv/w/dist/a.js' }],
    warnings: [],
  });
});

test('a task with patterns whose older worker has listed nothing is named; one without patterns is not', () =>
  expect(ended(null)).toEqual({
    artifacts: [],
    warnings: [`${CERT}: its result has no list: an older worker ran it`],
  }));
