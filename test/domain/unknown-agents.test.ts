/** Missions for agents that the holder does not have: they wait, and it makes no attempt of their tasks. */
import { missingAgents, type DecideContext } from '../../src/domain/mission-decide.js';
import { reportMission } from '../../src/domain/mission-report.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import {
  agentsMissing,
  CERT,
  claimed,
  completed,
  contextOf,
  ENV,
  expired,
  failed,
  given,
  ID,
  named,
  only,
  opened,
  PROXY,
  requested,
  TWO_WAVES,
  underWay,
  withoutAgent,
  withoutWorker,
} from './support/mission-log.js';

const OPEN = [claimed(), opened()];

const without = (...missing: readonly string[]): Partial<DecideContext> => ({
  partitionFor: (agent) => (missing.includes(agent) ? null : 2),
});

describe('a mission for an agent that the holder does not have', () => {
  test('gets its plan approved, and the tasks of the agents that are there run', () => {
    const log = given(...OPEN, requested({ plan: TWO_WAVES }));
    const decided = log.settle(without('env_agent'));
    expect(named(decided)).toEqual(['plan_proposed', 'plan_approved', 'wave_started 1', `task_assigned ${CERT}`]);
    expect(log.task(CERT).status).toBe('assigned');
    expect(log.task(ENV)).toMatchObject({ status: 'waiting', attempt: 0 });
    expect(missingAgents(log.mission(), contextOf(without('env_agent', 'proxy_agent')))).toEqual([
      'env_agent',
      'proxy_agent',
    ]);
  });

  test('continues where the agent is there, also with another holder', () => {
    const log = given(...OPEN, requested({ plan: TWO_WAVES }));
    log.settle(without('env_agent'));
    expect(only('task_assigned', log.settle()).agent).toBe('env_agent');
  });

  test('waits when the agent is gone before its wave', () => {
    const log = underWay();
    log.when(completed(CERT));
    log.when(completed(ENV));
    expect(named(log.settle(without('proxy_agent')))).toEqual(['wave_completed 1', 'wave_started 2']);
    expect(log.decides(without('proxy_agent'))).toEqual([]);
    expect(only('task_assigned', log.settle()).task_id).toBe(PROXY);
  });

  test('makes no further attempt of a task either: it would have no revision, and no checks', () => {
    const log = underWay();
    log.when(failed(CERT));
    log.settle(without('cert_agent'));
    const due = expired(timerKeys.retry(ID, CERT, 1));
    expect(log.decides({ ...due, ...without('cert_agent') })).toEqual([]);
    expect(only('task_assigned', log.decides(due)).attempt).toBe(2);
  });

  test('waits for a planner that does not have its agents, and asks again once they are there', () => {
    const log = given(...OPEN, requested({ plan: null }));
    expect(named(log.settle())).toEqual(['plan_requested']);
    expect(log.when(agentsMissing(1, 'mail_agent is not here'))).toBe('applied');
    const [agent = ''] = log.mission().request.agents;
    const late = { isExpired: (key: string) => key.includes('/planner') };
    expect(log.decides({ ...late, ...without(agent) })).toEqual([]);
    expect(reportMission(log.mission()).planner_wait).toEqual({
      calls: 0,
      error: 'mail_agent is not here',
      retry_in_ms: null,
      code: 'unknown_agents',
    });
    expect(only('plan_requested', log.decides()).revision).toBe(2);
  });

  test('fails when its minutes are used up, and says what it waited for', () => {
    const budget = { usd: null, tokens: null, minutes: 5 };
    const log = given(...OPEN, requested({ plan: TWO_WAVES, budget }));
    log.settle({ ...without('cert_agent', 'env_agent') });
    const late = { isExpired: (key: string) => key === timerKeys.minutes(ID) };
    expect(only('mission_failed', log.settle({ ...late, ...without('cert_agent', 'env_agent') }))).toMatchObject({
      code: 'unknown_agents',
      reason:
        'the budget of 5 minutes is used up; it needs agents that the orchestrator does not have (cert_agent, ' +
        'env_agent); put cert_agent.md, env_agent.md where the orchestrator and a worker read their agents, then ' +
        'submit the mission again',
    });
    expect(reportMission(log.mission())).toMatchObject({ status: 'failed', code: 'unknown_agents' });
  });

  test('fails with the same code when open attempts of other agents are cancelled first', () => {
    const budget = { usd: null, tokens: null, minutes: 5 };
    const log = given(...OPEN, requested({ plan: TWO_WAVES, budget }));
    log.settle(without('env_agent'));
    const late = { isExpired: (key: string) => key === timerKeys.minutes(ID) };
    const [used, cancel, ...others] = log.decides({ ...late, ...without('env_agent') });
    expect([used?.event_type, cancel?.event_type, others]).toEqual(['budget_used', 'task_cancelled', []]);
    const decided = log.settle({ ...late, ...without('env_agent') });
    expect(named(decided)).toEqual(['budget_used', `task_cancelled ${CERT}`, 'mission_failed']);
    expect(only('mission_failed', decided)).toMatchObject({
      code: 'unknown_agents',
      reason: expect.stringContaining('env_agent.md'),
    });
  });

  test('fails with no_worker when no live worker served its agent', () => {
    const budget = { usd: null, tokens: null, minutes: 5 };
    const log = given(...OPEN, requested({ plan: TWO_WAVES, budget }));
    log.settle();
    expect(log.when(withoutWorker(CERT, 1_700_000_000_000))).toBe('applied');
    const late = { isExpired: (key: string) => key === timerKeys.minutes(ID) };
    expect(only('mission_failed', log.settle(late))).toMatchObject({
      code: 'no_worker',
      reason:
        'the budget of 5 minutes is used up; no live worker serves cert_agent; start one (npx ravenhelm --role ' +
        'worker --agents cert_agent), then submit the mission again',
    });
  });

  test('says so in its report until the task is assigned', () => {
    const log = given(...OPEN, requested({ plan: TWO_WAVES }));
    log.settle(without('env_agent'));
    const news = withoutAgent(ENV, 1_700_000_000_000);
    expect(log.when(news)).toBe('applied');
    const since = new Date(1_700_000_000_000).toISOString();
    const report = reportMission(log.mission());
    expect(report.unserved_agents).toEqual([{ agent: 'env_agent', since, unknown: true }]);
    expect(report.tasks.find(({ task_id }) => task_id === ENV)).toMatchObject({
      status: 'waiting',
      unserved_since: since,
      unknown_agent: true,
      detail:
        'the orchestrator has no agent env_agent since 22:13:20Z; put env_agent.md where the orchestrator and a ' +
        'worker read their agents',
    });
    log.settle();
    expect(reportMission(log.mission()).unserved_agents).toEqual([]);
    expect(log.when(news)).not.toBe('applied');
  });
});

test('an attempt keeps the deadline that it was assigned with, whatever the file says later', () => {
  const log = given(...OPEN, requested({ plan: TWO_WAVES }));
  log.settle({ timeoutSeconds: () => 42 });
  expect(log.task(CERT).timeoutSeconds).toBe(42);
});
