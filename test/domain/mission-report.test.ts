import { createCoordinationView } from '../../src/domain/coordination-view.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import { T0 } from './support/events.js';
import {
  accepted,
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  given,
  ID,
  named,
  opened,
  PARTITION,
  planOf,
  progress,
  proposed,
  PROXY,
  requested,
  started,
  TWO_WAVES,
  underWay,
  type MissionLog,
} from './support/mission-log.js';

const reportOf = (log: MissionLog) => reportMission(log.mission());
const statusesOf = (log: MissionLog) =>
  Object.fromEntries(reportOf(log).tasks.map((task) => [task.task_id, task.status]));
const check = (name: string, exit_code: number, baseline: string | null = null) => ({
  name,
  command: `check ${name}`,
  exit_code,
  duration_ms: 3,
  output_digest: '',
  baseline,
});

describe('the report of a mission', () => {
  test('says where it stands', () => {
    expect(reportOf(given(requested()))).toMatchObject({
      mission_id: ID,
      name: 'hello',
      status: 'planning',
      reason: null,
      started_at: new Date(T0).toISOString(),
      ended_at: null,
      tasks: [],
      success: [],
    });
    const waiting = given(claimed(), opened(), requested({ plan: TWO_WAVES, approval: 'approval' }));
    waiting.settle();
    expect(reportOf(waiting).status).toBe('waiting_for_approval');
    expect(reportOf(underWay()).status).toBe('running');
  });

  test('says of each task whether it waits, runs or how it ended', () => {
    const log = underWay();
    expect(statusesOf(log)).toEqual({ [CERT]: 'waiting', [ENV]: 'waiting', [PROXY]: 'waiting' });
    log.when(accepted(ENV));
    expect(statusesOf(log)[ENV]).toBe('waiting');
    log.when(started(CERT));
    log.when(progress(CERT, 4));
    expect(reportOf(log).tasks[0]).toMatchObject({
      status: 'running',
      steps: 4,
      detail: 'step 4: workspace_list',
      attempts: 1,
    });
    log.when(
      completed(CERT, 1, { tokens_in: 5, cost_usd: 0.5 }, { summary: 'made a CA', checks: [check('chain', 0)] }),
    );
    expect(reportOf(log).tasks[0]).toMatchObject({
      status: 'verified',
      steps: 2,
      model: 'playbook',
      tokens: 5,
      cost_usd: 0.5,
      duration_ms: 5,
      summary: 'made a CA',
      detail: '',
      checks: [check('chain', 0)],
    });
    expect(reportOf(log)).toMatchObject({ tokens: 5, cost_usd: 0.5 });
  });

  test('says why a task failed, and counts its attempts', () => {
    const log = underWay({ plan: planOf([['cert_agent']]), retries: 1 });
    log.when(failed(CERT));
    expect(statusesOf(log)[CERT]).toBe('waiting');
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(failed(CERT, 2, { error: 'chain exited with 2', checks: [check('chain', 2)] }));
    log.settle();
    expect(reportOf(log)).toMatchObject({
      status: 'failed',
      reason: `${CERT} failed after 2 attempts: chain exited with 2`,
    });
    expect(reportOf(log).tasks[0]).toMatchObject({
      status: 'failed',
      attempts: 2,
      detail: 'chain exited with 2',
      checks: [check('chain', 2)],
    });
    expect(reportOf(log).ended_at).not.toBeNull();
  });

  test.each([
    ['accepted', accepted(CERT), true],
    ['started', started(CERT), true],
    ['progress', progress(CERT, 1), true],
    ['completed', completed(CERT), true],
    ['failed', failed(CERT), true],
    ["an orchestrator's progress", progress(CERT, 0), false],
    ['of another attempt', started(CERT, 2), false],
  ])('names a task whose worker has no sandbox: %s', (_, event, isNamed) => {
    for (const [sandbox, isMarked] of [
      [null, false],
      ['off', isNamed],
    ] as const) {
      const log = underWay();
      log.when({ ...event, sandbox });
      const { tasks, sandbox_off: off } = reportOf(log);
      const marks = tasks.map((task) => task.sandbox_off);
      expect({ off, marks }).toEqual({ off: isMarked, marks: [isMarked, false, false] });
    }
  });

  test('keeps that a task had a worker without a sandbox when another one continues', () => {
    const log = underWay();
    log.when({ ...started(CERT), sandbox: 'off' });
    log.when(failed(CERT));
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(started(CERT, 2));
    log.when(completed(CERT, 2));
    expect(reportOf(log).tasks[0]).toMatchObject({ status: 'verified', sandbox_off: true });
  });

  test('calls what had not started when the mission ended cancelled', () => {
    const log = underWay();
    log.when(completed(CERT));
    log.when(cancelRequested());
    log.settle();
    expect(statusesOf(log)).toEqual({ [CERT]: 'verified', [ENV]: 'cancelled', [PROXY]: 'cancelled' });
  });

  test('shows the success checks of the plan that was carried out, not those of an earlier try', () => {
    const success = [{ name: 'up', command: 'check up' }];
    const log = given(claimed(), opened(), requested({ success, retries: 0 }));
    log.settle();
    log.when(proposed(1, planOf([['cert_agent']])));
    log.settle();
    log.when(completed(CERT));
    log.settle();
    log.when(failed('verify-cert_agent-wave2', 1, { checks: [check('up', 7)] }));
    expect(reportOf(log).success).toEqual([check('up', 7)]);
    log.settle();
    log.when(proposed(2, planOf([['cert_agent']], 3)));
    log.settle();
    expect(reportOf(log).success).toEqual([]);
    log.when(completed('deploy-cert_agent-wave3'));
    log.settle();
    log.when(completed('verify-cert_agent-wave4', 1, {}, { checks: [check('up', 0)] }));
    log.settle();
    expect(reportOf(log)).toMatchObject({ status: 'completed', success: [check('up', 0)] });
  });
});

describe('a watcher', () => {
  const viewOf = (log: MissionLog, from = 0) => {
    const view = createCoordinationView();
    const counted = log.records
      .slice(from)
      .filter((record) => view.apply(PARTITION, record) !== null)
      .map((record) => record.event.event_type);
    return { view, counted };
  };

  test('comes to the same report as the holder', () => {
    const log = underWay();
    for (const task of [CERT, ENV]) log.when(completed(task));
    log.settle();
    const { view } = viewOf(log);
    expect(view.missions()).toEqual([ID]);
    expect(view.report(ID)).toEqual(reportOf(log));
    expect(view.mission(ID)).toEqual(log.mission());
    expect(view.plan(ID)).toMatchObject({ revision: 1, planner: 'mission', plan: TWO_WAVES });
  });

  test('does not learn of what has no effect', () => {
    const log = underWay();
    log.when(completed(CERT));
    log.when(completed(CERT));
    log.when(failed(CERT));
    expect(viewOf(log).counted.filter((type) => type === 'task_completed' || type === 'task_failed')).toEqual([
      'task_completed',
    ]);
  });

  test('knows nothing of a mission that is not there', () => {
    const { view } = viewOf(given(requested()));
    expect([view.report('x'), view.plan('x'), view.mission('x'), view.plan(ID)]).toEqual([null, null, null, null]);
  });

  test('goes by who decides when the claim was deleted with the old records', () => {
    const log = underWay();
    expect(named(log.decides())).toEqual([]);
    const { view, counted } = viewOf(log, 2); // without the claim and the log's name
    expect(counted[0]).toBe('mission_requested');
    expect(view.report(ID)).toEqual(reportOf(log));
  });

  test('of a log that lost its first claim still hears the next', () => {
    const log = underWay({ plan: planOf([['cert_agent']]) });
    log.when(claimed('o-2'));
    log.when(completed(CERT));
    log.settle();
    expect(viewOf(log, 2).view.report(ID)?.status).toBe('completed');
  });

  test('of a whole log knows no holder before a claim', () => {
    const log = given(requested());
    log.when({
      ...cancelRequested(),
      event_type: 'mission_failed',
      payload: { mission_id: ID, owner: 'o-9', reason: 'x', code: null, at_planner_price: null },
    });
    expect(viewOf(log).view.report(ID)?.status).toBe('planning');
  });
});
