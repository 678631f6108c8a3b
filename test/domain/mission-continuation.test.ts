import { continuationOf, newerIn } from '../../src/domain/continuation.js';
import type { PayloadOf } from '../../src/domain/events.js';
import { createMissionId } from '../../src/domain/mission-id.js';
import type { Decision } from '../../src/domain/mission-decide.js';
import { evolveCoordination } from '../../src/domain/mission-evolve.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { createCoordinationState } from '../../src/domain/mission-state.js';
import { WORKSPACE_OF } from '../../src/domain/requirements.js';
import { SIZES } from '../../src/domain/sizes.js';
import { T0 } from './support/events.js';
import {
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  failed,
  given,
  ID,
  opened,
  PARTITION,
  planOf,
  PROXY,
  requested,
  retryRequested,
  TWO_WAVES,
  type MissionLog,
} from './support/mission-log.js';

type Request = PayloadOf<'mission_requested'>;
const NEXT = createMissionId({ nowMs: T0 + 1, partition: PARTITION, random: () => 0.6 });
const OTHER = createMissionId({ nowMs: T0 + 2, partition: PARTITION, random: () => 0.7 });

const assignments = (decisions: readonly Decision[]) =>
  decisions.flatMap((one) => (one.event_type === 'task_assigned' ? [one.payload] : []));
const parts = (decisions: readonly Decision[]) =>
  assignments(decisions).map(({ task_id, attempt, only }) => [task_id, attempt, only]);

function ended(end: (log: MissionLog) => void, changes: Partial<Request> = {}): MissionLog {
  const log = given();
  for (const event of [opened(), claimed(), requested({ plan: TWO_WAVES, retries: 0, ...changes })]) log.when(event);
  log.settle();
  end(log);
  log.settle();
  return log;
}

/** CERT is verified, ENV has failed. */
const halfDone = (changes: Partial<Request> = {}) =>
  ended((log) => {
    log.when(completed(CERT));
    log.when(failed(ENV, 1, { retriable: false }));
  }, changes);

const checked = (exit_code: number) => ({
  ...{ name: 'done', command: 'true', exit_code, duration_ms: 1, output_digest: '', baseline: null, output: null },
});

const missionIn = (log: MissionLog, id: string) => {
  const mission = log.state.missions.get(id);
  if (mission === undefined) throw new Error(`no mission ${id}`);
  return mission;
};

function retry(
  log: MissionLog,
  old: string,
  id: string,
  again: readonly string[] = [],
  changes: Partial<Request> = {},
) {
  const { continues, plan } = continuationOf(missionIn(log, old), {
    again: new Set(again),
    plan: null,
    asOf: log.state.position,
  });
  const workspace = { requires: [WORKSPACE_OF], workspace_of: ID };
  return log.when(requested({ mission_id: id, retries: 0, plan, continues, ...workspace, ...changes }));
}

describe('a mission that continues another one', () => {
  test('checks what is verified before it runs anything else of the wave; attempts are numbered on', () => {
    const log = halfDone();
    retry(log, ID, NEXT);
    expect(parts(log.settle({}, NEXT))).toEqual([[CERT, 2, 'checks']]);
    log.when(completed(CERT, 2, {}, { summary: 'checks passed again', outputs: {} }, NEXT));
    expect(parts(log.settle({}, NEXT))).toEqual([[ENV, 2, null]]);
    log.when(completed(ENV, 2, {}, {}, NEXT));
    const [proxy] = assignments(log.settle({}, NEXT));
    expect(proxy).toMatchObject({ task_id: PROXY, attempt: 1, workspace_of: ID, requires: [WORKSPACE_OF] });
    expect(missionIn(log, NEXT).tasks.get(CERT)).toMatchObject({
      status: 'verified',
      carried: 'held',
      summary: `${CERT} done`,
      outputs: { path: CERT },
    });
    expect(reportMission(missionIn(log, NEXT))).toMatchObject({ continues: ID, workspace_of: ID });
    expect(reportMission(missionIn(log, ID)).continued_by).toEqual([NEXT]);
  });

  test('runs a carried task again if its check fails, and that uses up no retry', () => {
    const log = halfDone();
    retry(log, ID, NEXT);
    log.settle({}, NEXT);
    log.when(failed(CERT, 2, { code: 'checks', error: 'not there', retriable: false, checks: [checked(1)] }, NEXT));
    const [cert, env] = assignments(log.settle({}, NEXT));
    expect(cert).toMatchObject({ task_id: CERT, attempt: 3, only: null, feedback: 'not there', retry_count: 0 });
    expect(env).toMatchObject({ task_id: ENV, attempt: 2, feedback: 'it broke' });
    expect(missionIn(log, NEXT).tasks.get(CERT)).toMatchObject({ failures: 0, carried: 'failed' });
  });

  test.each([
    ['was not run', []],
    ['did not come to an end by itself', [checked(0), checked(-1)]],
  ])('does not run a carried task again whose check %s: nothing shows that it does not hold', (_, checks) => {
    const log = halfDone();
    retry(log, ID, NEXT);
    log.settle({}, NEXT);
    const error = 'It was not run: the policy denies it by the rule r';
    log.when(failed(CERT, 2, { code: 'checks', error, retriable: false, checks }, NEXT));
    const later = log.settle({}, NEXT);
    expect(assignments(later).filter(({ task_id }) => task_id === CERT)).toEqual([]);
    log.when(completed(ENV, 2, {}, {}, NEXT));
    log.settle({}, NEXT);
    expect(reportMission(missionIn(log, NEXT))).toMatchObject({
      status: 'failed',
      reason: `${CERT} failed after 2 attempts: ${error}`,
    });
    // The next mission checks it again.
    retry(log, NEXT, OTHER);
    expect(parts(log.settle({}, OTHER))).toContainEqual([CERT, 3, 'checks']);
  });

  const input = (name: string, value: string, type = 'string') => ({ name, type, value, description: '' });
  const INPUTS = [input('zone', 'south'), input('port', '80', 'number')];
  test.each([
    ['a value', [input('zone', 'north'), input('port', '80', 'number')], false],
    ['a type', [input('zone', 'south'), input('port', '80')], false],
    ['one less', [input('zone', 'south')], false],
    ['one more', [...INPUTS, input('more', '')], false],
    ['their order and descriptions alone', INPUTS.toReversed().map((one) => ({ ...one, description: 'd' })), true],
  ])('carries what was proven with the same inputs only: what differs is %s', (_, inputs, isCarried) => {
    const log = halfDone({ inputs: INPUTS });
    const carriedOf = (id: string) => {
      const options = { again: new Set<string>(), plan: TWO_WAVES, asOf: 1 };
      return [
        continuationOf(missionIn(log, id), options),
        continuationOf(missionIn(log, id), { ...options, inputs }),
      ].map(({ carried, continues }) => [
        carried,
        continues.tasks.filter((task) => task.carried).map((task) => task.task_id),
      ]);
    };
    const expected = [[[CERT], [CERT]], isCarried ? [[CERT], [CERT]] : [[], []]];
    expect(carriedOf(ID)).toEqual(expected);
    // A mission that has begun nothing passes on what the one before it has left.
    retry(log, ID, NEXT, [], { inputs: INPUTS });
    log.when(cancelRequested('enough', NEXT));
    log.settle({}, NEXT);
    expect(carriedOf(NEXT)).toEqual(expected);
  });

  test('runs a verified task again that is named', () => {
    const log = halfDone();
    retry(log, ID, NEXT, [CERT]);
    expect(parts(log.settle({}, NEXT))).toEqual([
      [CERT, 2, null],
      [ENV, 2, null],
    ]);
  });

  test('first ends attempts that were cancelled, and begins nothing before', () => {
    const log = ended((before) => {
      before.when(completed(CERT));
      before.when(cancelRequested());
    });
    retry(log, ID, NEXT);
    expect(parts(log.settle({}, NEXT))).toEqual([[ENV, 2, 'fence']]);
    log.when(completed(ENV, 2, {}, { status: 'unverified' }, NEXT));
    expect(parts(log.settle({}, NEXT))).toEqual([[CERT, 2, 'checks']]);
    log.when(completed(CERT, 2, {}, {}, NEXT));
    expect(parts(log.settle({}, NEXT))).toEqual([[ENV, 3, null]]);
  });

  /** The second attempt of ENV, after the first was cancelled. */
  const secondFailed = (changes: Partial<PayloadOf<'task_failed'>>) =>
    ended((before) => {
      before.when(completed(CERT));
      before.when(retryRequested(ENV, 1));
      before.settle();
      before.when(failed(ENV, 2, { code: 'timeout', ...changes }));
    });
  const onlyFailed = (changes: Partial<PayloadOf<'task_failed'>>) =>
    ended((before) => {
      before.when(completed(CERT));
      before.when(failed(ENV, 1, { retriable: false, code: 'timeout', ...changes }));
    });

  test.each([
    ['its successor failed before it had the fence', 3, () => secondFailed({ steps: 0, fenced: false })],
    [
      'its successor has ended with the code of a model and without the fence',
      3,
      () => secondFailed({ steps: 0, fenced: false, code: 'budget' }),
    ],
    [
      'an older build does not say whether its successor had the fence',
      3,
      () => secondFailed({ steps: 0, fenced: null }),
    ],
    ['the worker that took it over failed before it had the fence', 2, () => onlyFailed({ steps: 2, fenced: false })],
  ])('ends what may still run of an attempt where %s', (_, attempt, end) => {
    const log = end();
    expect(reportMission(missionIn(log, ID)).status).toBe('failed');
    retry(log, ID, NEXT);
    expect(parts(log.settle({}, NEXT))).toEqual([[ENV, attempt, 'fence']]);
  });

  test.each([
    ['the last attempt had the fence', () => secondFailed({ steps: 0, fenced: true })],
    ['the last attempt, of an older build, has made a step', () => secondFailed({ steps: 1, fenced: null })],
    ['the only attempt has begun nothing', () => onlyFailed({ steps: 0, fenced: false })],
  ])('ends nothing where %s', (_, end) => {
    const log = end();
    retry(log, ID, NEXT);
    expect(assignments(log.settle({}, NEXT)).map(({ only }) => only)).toEqual(['checks']);
  });

  test.each([
    ['tasks that run depend on it', false, [], { [CERT]: 'cut', [ENV]: 'whole' }],
    ['a task that is carried depends on it', true, [CERT], { [CERT]: 'none', [ENV]: 'whole', [PROXY]: 'cut' }],
  ])('keeps a result whole where %s; what no task reads gets the bytes that are left', (_, isDone, again, expected) => {
    const [first, second] = TWO_WAVES.waves;
    if (first === undefined || second === undefined) throw new Error('it has two waves');
    const tasks = second.tasks.map((task) => ({ ...task, dependencies: [ENV] }));
    const large = { summary: 'x'.repeat(200_000), outputs: {} };
    const log = ended(
      (before) => {
        before.when(completed(CERT, 1, {}, large));
        before.when(completed(ENV, 1, {}, large));
        before.settle();
        before.when(isDone ? completed(PROXY, 1, {}, large) : failed(PROXY, 1, { retriable: false }));
      },
      { plan: { ...TWO_WAVES, waves: [first, { ...second, tasks }] } },
    );
    const { continues } = continuationOf(missionIn(log, ID), { again: new Set(again), plan: null, asOf: 1 });
    const kept = continues.tasks.filter(({ task_id }) => task_id in expected);
    const how = ({ length }: string) => (length === 200_000 ? 'whole' : length === 0 ? 'none' : 'cut');
    expect(Object.fromEntries(kept.map(({ task_id, summary }) => [task_id, how(summary)]))).toEqual(expected);
    const bytes = continues.tasks.reduce((sum, { summary }) => sum + summary.length, 0);
    expect(bytes).toBeGreaterThan(SIZES.inputs * 0.8);
    expect(bytes).toBeLessThanOrEqual(SIZES.inputs);
  });

  test('keeps the results of any number of tasks on which others depend', () => {
    const agents = Array.from({ length: 700 }, (_, index) => `agent_${index}`);
    const plan = planOf([agents, ['proxy_agent']]);
    const [first, second] = plan.waves;
    if (first === undefined || second === undefined) throw new Error('it has two waves');
    const ids = first.tasks.map(({ task_id }) => task_id);
    const tasks = second.tasks.map((task) => ({ ...task, dependencies: ids }));
    const log = ended(
      (before) => {
        for (const id of ids) before.when(completed(id, 1, {}, { summary: 'done', outputs: {} }));
        before.settle();
        before.when(failed(PROXY, 1, { retriable: false }));
      },
      { plan: { ...plan, waves: [first, { ...second, tasks }] }, agents: [...agents, 'proxy_agent'] },
    );
    const { continues } = continuationOf(missionIn(log, ID), { again: new Set(), plan: null, asOf: 1 });
    expect(continues.tasks.filter(({ carried, summary }) => carried && summary === 'done')).toHaveLength(700);
  });

  test('keeps the partition of each task', () => {
    const log = halfDone();
    retry(log, ID, NEXT);
    const [cert] = assignments(log.settle({ partitionFor: () => 7 }, NEXT));
    expect(cert?.target_partition).toBe(2);
  });

  test('has its own budget, and checks of carried tasks cost nothing of it', () => {
    const log = halfDone({ budget: { usd: null, tokens: 1000, minutes: null } });
    retry(log, ID, NEXT, [], { budget: { usd: null, tokens: 1000, minutes: null } });
    expect(assignments(log.settle({}, NEXT))[0]).toMatchObject({ only: 'checks', share_tokens: null });
    log.when(completed(CERT, 2, {}, {}, NEXT));
    expect(assignments(log.settle({}, NEXT))[0]).toMatchObject({ task_id: ENV, share_tokens: 500 });
  });

  test('takes over what strangers may have written', () => {
    const reach = [{ origin: 'network', detail: 'a:443' }];
    const log = given();
    for (const event of [opened(), claimed(), requested({ plan: TWO_WAVES, retries: 0 })]) log.when(event);
    log.settle({ revisionOf: () => ({ digest: null, playbookAcceptance: null, playbookChanges: [], reach }) });
    log.when(completed(CERT));
    log.when(failed(ENV, 1, { retriable: false }));
    log.settle();
    retry(log, ID, NEXT, [CERT]);
    const [cert] = assignments(log.settle({}, NEXT));
    expect(cert?.untrusted?.map(({ origin }) => origin)).toEqual(['attempt', 'files']);
  });
});

describe('a workspace has one mission at a time', () => {
  const failure = (log: MissionLog, id: string) => {
    log.settle({}, id);
    const { status, code } = reportMission(missionIn(log, id));
    return [status, code];
  };

  test('of two that continue the same mission the second one in the log fails', () => {
    const log = halfDone();
    const { continues, plan } = continuationOf(missionIn(log, ID), {
      again: new Set(),
      plan: null,
      asOf: log.state.position,
    });
    retry(log, ID, NEXT);
    log.when(requested({ mission_id: OTHER, plan, continues, workspace_of: ID, requires: [WORKSPACE_OF] }));
    log.settle({}, NEXT);
    expect(failure(log, OTHER)).toEqual(['failed', 'workspace_taken']);
    expect(reportMission(missionIn(log, NEXT)).status).toBe('running');
    expect(newerIn(log.state.missions.values(), missionIn(log, ID))?.id).toBe(NEXT);
    expect(newerIn(log.state.missions.values(), missionIn(log, OTHER))?.id).toBe(NEXT);
    expect(newerIn(log.state.missions.values(), missionIn(log, NEXT))).toBeNull();
  });

  test('so does one whose author had not read that another has used it since', () => {
    const log = halfDone();
    const { continues, plan } = continuationOf(missionIn(log, ID), {
      again: new Set(),
      plan: null,
      asOf: log.state.position,
    });
    retry(log, ID, NEXT);
    log.settle({}, NEXT);
    log.when(cancelRequested('enough', NEXT));
    log.settle({}, NEXT);
    log.when(requested({ mission_id: OTHER, plan, continues, workspace_of: ID, requires: [WORKSPACE_OF] }));
    expect(failure(log, OTHER)).toEqual(['failed', 'workspace_taken']);
  });

  test('so does one that continues a mission that is open, or names a mission of another partition', () => {
    const log = given();
    for (const event of [opened(), claimed(), requested({ plan: TWO_WAVES })]) log.when(event);
    log.settle();
    const continues = { mission_id: ID, as_of: log.state.position, plan_tainted: false, tasks: [] };
    log.when(requested({ mission_id: NEXT, plan: TWO_WAVES, continues, workspace_of: ID, requires: [WORKSPACE_OF] }));
    expect(failure(log, NEXT)).toEqual(['failed', 'workspace_taken']);
    const elsewhere = createMissionId({ nowMs: T0, partition: PARTITION + 1, random: () => 0.5 });
    log.when(
      requested({ mission_id: OTHER, plan: TWO_WAVES, continues, workspace_of: elsewhere, requires: [WORKSPACE_OF] }),
    );
    expect(failure(log, OTHER)).toEqual(['failed', 'workspace_taken']);
  });

  test('a holder that began to read behind what the author had read does not know, and refuses', () => {
    const state = createCoordinationState(PARTITION, 5);
    const continues = { mission_id: ID, as_of: 4, plan_tainted: false, tasks: [] };
    const event = requested({ mission_id: NEXT, continues, workspace_of: ID, requires: [WORKSPACE_OF] });
    evolveCoordination(state, { offset: 5, timestampMs: T0 + 5, event });
    expect(state.missions.get(NEXT)?.workspaceTaken).toMatch(/ask again/);
  });

  test('a task that the changed plan does not have is ended first, if an attempt of it may still run', () => {
    const log = ended((before) => {
      before.when(completed(CERT));
      before.when(cancelRequested());
    });
    const [wave] = TWO_WAVES.waves;
    const plan = { ...TWO_WAVES, waves: wave === undefined ? [] : [{ ...wave, tasks: wave.tasks.slice(0, 1) }] };
    const { continues } = continuationOf(missionIn(log, ID), { again: new Set(), plan, asOf: log.state.position });
    log.when(requested({ mission_id: NEXT, plan, continues, workspace_of: ID, requires: [WORKSPACE_OF] }));
    expect(assignments(log.settle({}, NEXT))).toMatchObject([
      { task_id: ENV, attempt: 2, only: 'fence', agent: 'env_agent', target_partition: 2, share_tokens: null },
    ]);
    expect(reportMission(missionIn(log, NEXT)).proof.tasks).toBe(1);
    log.when(completed(ENV, 2, {}, { status: 'unverified' }, NEXT));
    expect(missionIn(log, NEXT).tasks.get(ENV)).toMatchObject({
      status: 'replaced',
      detail: 'replaced by a changed plan',
    });
    expect(parts(log.settle({}, NEXT))).toEqual([[CERT, 2, 'checks']]);
  });

  test('a fence that was cancelled or has failed is asked for again by the next mission', () => {
    const log = ended((before) => {
      before.when(completed(CERT));
      before.when(cancelRequested());
    });
    retry(log, ID, NEXT);
    log.settle({}, NEXT);
    log.when(failed(ENV, 2, { retriable: false }, NEXT));
    log.settle({}, NEXT);
    expect(reportMission(missionIn(log, NEXT)).status).toBe('failed');
    retry(log, NEXT, OTHER);
    expect(parts(log.settle({}, OTHER))).toEqual([[ENV, 3, 'fence']]);
  });
});
