import { statusOf } from '../../src/domain/mission-state.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import {
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  failedOver,
  given,
  ID,
  named,
  only,
  opened,
  planOf,
  planTask,
  progress,
  proposed,
  PROXY,
  requested,
  started,
  accepted,
  TWO_WAVES,
  underWay,
} from './support/mission-log.js';

describe('waves', () => {
  test('a wave that is done makes way for the next at the same time', () => {
    const log = underWay();
    log.when(completed(CERT));
    expect(log.decides()).toEqual([]);
    log.when(completed(ENV, 1, {}, { status: 'unverified' }));
    expect(named(log.settle())).toEqual(['wave_completed 1', 'wave_started 2', `task_assigned ${PROXY}`]);
  });

  test('the last wave that is done completes the mission, and nothing is decided any more', () => {
    const log = underWay();
    for (const task of [CERT, ENV]) log.when(completed(task));
    log.settle();
    log.when(completed(PROXY, 1, { tokens_in: 5, tokens_out: 2, cost_usd: 0.25 }, { status: 'unverified' }));
    const decisions = log.settle();
    expect(named(decisions)).toEqual(['wave_completed 2', 'mission_completed']);
    expect(only('mission_completed', decisions)).toMatchObject({
      tasks_verified: 2,
      tasks_unverified: 1,
      tokens: 7,
      cost_usd: 0.25,
    });
    expect(statusOf(log.mission())).toBe('completed');
    expect(log.decides()).toEqual([]);
  });

  test('the next wave never starts over a failure', () => {
    const log = underWay({ retries: 0 });
    log.when(completed(CERT));
    log.when(failed(ENV));
    expect(named(log.settle())).toEqual(['mission_failed']);
    expect(log.task(PROXY).status).toBe('waiting');
  });

  test('what is still running in the wave may end before the failure is decided on', () => {
    const log = underWay({ retries: 0 });
    log.when(failed(ENV));
    expect(log.decides()).toEqual([]);
    log.when(completed(CERT));
    expect(named(log.settle())).toEqual(['mission_failed']);
  });

  test('a take-over in the middle of a wave assigns only what is missing', () => {
    const log = given(claimed('o-1'), opened(), requested({ plan: TWO_WAVES }));
    log.settle();
    log.when(completed(CERT));
    log.when(claimed('o-2'));
    expect(log.settle()).toEqual([]);
    log.when(completed(ENV));
    expect(only('task_assigned', log.settle())).toMatchObject({ task_id: PROXY, owner: 'o-2' });
  });
});

describe('a failover to the next model', () => {
  test.each([CERT, null])('is part of the mission’s story and changes nothing: of the task %s', (task) => {
    const log = underWay();
    const before = log.mission();
    expect(log.when(failedOver(task))).toBe('applied');
    expect(log.mission()).toEqual(before);
    expect(log.decides()).toEqual([]);
  });

  test('of a mission that is not known or has ended is void', () => {
    const log = underWay({ retries: 0 });
    expect(log.when(failedOver(CERT, 'unknown'))).toBe('void: no such mission');
    log.when(failed(ENV));
    log.when(completed(CERT));
    log.settle();
    expect(log.when(failedOver(CERT))).toBe('void: mission ended');
  });
});

describe('an assignment', () => {
  test('says everything that its worker needs', () => {
    const plan = planOf([['cert_agent'], ['proxy_agent']]);
    const proxy = planTask('proxy_agent', 2, {
      dependencies: [CERT],
      timeout_seconds: 60,
      playbook: 'traefik',
      acceptance: [{ name: 'config', command: 'true' }],
    });
    const log = underWay({
      limits: { memory_mb: 512 },
      plan: { ...plan, waves: plan.waves.map((wave) => (wave.wave_number === 2 ? { ...wave, tasks: [proxy] } : wave)) },
    });
    log.when(completed(CERT, 1, {}, { summary: 'made a CA', outputs: { ca: 'certs/ca.pem' } }));
    const checks = [{ name: 'routes', command: 'test -f routes' }];
    const revisionOf = (agent: string, playbook: string | null) => ({
      digest: `${agent} today`,
      playbookAcceptance: playbook === 'traefik' ? checks : null,
      playbookChanges: [],
    });
    expect(only('task_assigned', log.settle({ revisionOf }))).toEqual({
      task_id: PROXY,
      mission_id: ID,
      mission_inputs: [],
      attempt: 1,
      agent: 'proxy_agent',
      wave_number: 2,
      kind: 'task',
      owner: 'o-1',
      description: 'do proxy_agent',
      brief: 'deploy',
      dependencies: [CERT],
      inputs: [{ task_id: CERT, agent: 'cert_agent', summary: 'made a CA', outputs: { ca: 'certs/ca.pem' } }],
      timeout_seconds: 60,
      retry_count: 0,
      parameters: {},
      target_partition: 2,
      source: null,
      playbook: 'traefik',
      acceptance: [{ name: 'config', command: 'true' }],
      share_tokens: null,
      share_usd: null,
      workspace: null,
      workspace_marker: 'marker-1',
      feedback: null,
      answer: null,
      requires: [],
      workspace_of: null,
      only: null,
      protected: [],
      changes: [],
      artifacts: [],
      used_up_by: null,
      beside: null,
      limits: { memory_mb: 512 },
      untrusted: [],
      agent_digest: 'proxy_agent today',
      playbook_acceptance: checks,
    });
  });

  test("takes the agent's own deadline where the plan gives none", () => {
    const log = given(claimed(), opened(), requested({ plan: planOf([['cert_agent']]) }));
    expect(only('task_assigned', log.settle({ timeoutSeconds: () => 42 })).timeout_seconds).toBe(42);
  });

  test('keeps its partition when partitions are added before the next attempt', () => {
    const log = underWay({ plan: planOf([['cert_agent']]) });
    log.when(failed(CERT));
    expect(
      only('task_assigned', log.settle({ ...expired(timerKeys.retry(ID, CERT, 1)), partitionFor: () => 5 }))
        .target_partition,
    ).toBe(2);
  });
});

describe('what workers say', () => {
  test('moves a task from assigned to accepted to running to its end', () => {
    const log = underWay();
    expect(log.task(CERT).status).toBe('assigned');
    log.when(accepted(CERT));
    expect(log.task(CERT).status).toBe('accepted');
    log.when(started(CERT));
    log.when(progress(CERT, 3));
    expect(log.task(CERT)).toMatchObject({ status: 'running', steps: 3, detail: 'step 3: workspace_list' });
    log.when(completed(CERT));
    expect(log.task(CERT)).toMatchObject({ status: 'verified', summary: `${CERT} done` });
  });

  test('counts once: the first result of an attempt wins', () => {
    const log = underWay();
    log.when(completed(CERT));
    expect(log.when(failed(CERT))).toBe('void: no attempt is open');
    expect(log.when(accepted(CERT))).toBe('void: no attempt is open');
    expect(log.task(CERT).status).toBe('verified');
  });

  test('about another attempt is void', () => {
    const log = underWay();
    expect(log.when(completed(CERT, 2))).toBe('void: another attempt');
    expect(log.when(completed(CERT, 0))).toBe('void: another attempt');
  });

  test('about a task that was not planned is void', () => {
    expect(underWay().when(completed('deploy-graph_agent-wave1'))).toBe('void: no such task');
  });

  test('about a task that was not assigned yet is void', () => {
    const log = underWay();
    expect(log.when(completed(PROXY, 0))).toBe('void: no attempt is open');
    expect(log.task(PROXY).status).toBe('waiting');
  });

  test('twice about the acceptance, or too late, changes nothing', () => {
    const log = underWay();
    log.when(started(CERT));
    expect(log.when(accepted(CERT))).toBe('void: accepted before');
    expect(log.task(CERT).status).toBe('running');
  });
});

describe("the mission's success checks", () => {
  const success = [{ name: 'up', command: 'curl up' }];

  test('are its last task, in a separate wave, without budget or inputs', () => {
    const log = underWay({ plan: planOf([['cert_agent']]), success, budget: { usd: 1, tokens: 100, minutes: null } });
    log.when(completed(CERT));
    const decisions = log.settle();
    expect(named(decisions)).toEqual(['wave_completed 1', 'wave_started 2', 'task_assigned verify-cert_agent-wave2']);
    expect(only('task_assigned', decisions)).toMatchObject({
      kind: 'verify',
      acceptance: success,
      inputs: [],
      share_tokens: null,
      share_usd: null,
    });
  });

  test('include those that the planner added', () => {
    const plan = planOf([['cert_agent']], 1, [
      { name: 'again', command: 'curl up' },
      { name: 'more', command: 'curl more' },
    ]);
    const log = given(claimed(), opened(), requested({ success }));
    log.settle();
    log.when(proposed(1, plan));
    log.settle();
    expect(log.task('verify-cert_agent-wave2').plan.acceptance.map((check) => check.command)).toEqual([
      'curl up',
      'curl more',
    ]);
  });

  test('must pass: a mission whose checks fail does not complete', () => {
    const log = underWay({ plan: planOf([['cert_agent']]), success, retries: 0 });
    log.when(completed(CERT));
    log.settle();
    log.when(failed('verify-cert_agent-wave2', 1, { error: 'up exited with 7', retriable: false }));
    expect(only('mission_failed', log.settle()).reason).toBe(
      'verify-cert_agent-wave2 failed after 1 attempt: up exited with 7',
    );
  });
});
