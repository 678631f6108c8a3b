import { jest } from '@jest/globals';
import type { AgentSpec } from '../../src/domain/agent-spec.js';
import type { Mission } from '../../src/domain/mission-state.js';
import type { MissionTask } from '../../src/domain/mission-task-state.js';
import { validatePlan } from '../../src/domain/plan-rules.js';
import { buildPlan, taskId, type PlanDraft, type PlanScope } from '../../src/domain/plan.js';
import {
  accepted,
  claimed,
  completed,
  failed,
  given,
  only,
  opened,
  planOf,
  requested,
  retryRequested,
  started,
} from './support/mission-log.js';
import { eventOf } from './support/events.js';

describe('a mission of many tasks', () => {
  const AGENTS = Array.from({ length: 300 }, () => 'cert_agent');
  const FIRST = 'deploy-cert_agent-wave1';

  function underWay(request: Parameters<typeof requested>[0] = {}) {
    const plan = planOf([AGENTS, ['env_agent']]);
    const unique = plan.waves.map((wave) => ({
      ...wave,
      tasks: wave.tasks.map((task, index) => ({
        ...task,
        task_id: taskId(task.agent, wave.wave_number, index + 1),
        acceptance: [{ name: 'made', command: `test -f out/${index} && sh tests/run.sh` }],
        changes: [`out/${index}`],
      })),
    }));
    const log = given(claimed(), opened(), requested({ plan: { ...plan, waves: unique }, ...request }));
    log.settle(quiet);
    return log;
  }
  const quiet = { expiredWaits: () => [], verifyRequest: () => null };

  /** Makes every walk over a mission's tasks fail; counts the tasks that are looked up. */
  function withoutWalks({ tasks, index }: Mission) {
    const walked = jest.fn(() => {
      throw new Error('walked over all tasks');
    });
    for (const map of [tasks, index.open])
      for (const way of ['values', 'keys', 'entries', 'forEach', Symbol.iterator] as const)
        Object.defineProperty(map, way, { value: walked });
    const lookedUp = jest.spyOn(tasks as Map<string, MissionTask>, 'get');
    return { walked, lookedUp };
  }

  test('is folded in place: an event walks over none of its other tasks, nor does the decision that follows', () => {
    const log = underWay();
    const { tasks } = log.mission();
    const { walked } = withoutWalks(log.mission());
    for (const event of [accepted(FIRST), started(FIRST), completed(FIRST)]) {
      expect(log.when(event)).toBe('applied');
      expect(log.decides(quiet)).toEqual([]);
    }
    expect(log.mission().tasks).toBe(tasks);
    expect(log.task(FIRST).status).toBe('verified');
    expect(walked).not.toHaveBeenCalled();
  });

  test('is assigned task by task: what one of them may read and what the others write is not looked for in all', () => {
    const log = underWay({ workspace: '/given' });
    log.when(failed(FIRST));
    log.settle(quiet);
    const { walked, lookedUp } = withoutWalks(log.mission());
    const isExpired = (key: string) => key.endsWith('/retry');
    const expiredWaits = () => [{ kind: 'retry' as const, agent: 'cert_agent', taskIds: [FIRST] }];
    const again = only('task_assigned', log.decides({ ...quiet, isExpired, expiredWaits }));
    expect(again).toMatchObject({ task_id: FIRST, attempt: 2, beside: { tasks: AGENTS.length - 1 } });
    expect(again.untrusted).not.toEqual([]);
    expect(log.when(eventOf('task_assigned', again))).toBe('applied');
    expect(walked).not.toHaveBeenCalled();
    expect(lookedUp.mock.calls.length).toBeLessThan(20);
  });

  test('answers a signed request about a task without a copy of all the others', () => {
    const signed = { signed_by: 'ann', key_id: 'k', signature: 's', cluster: null };
    const log = underWay({ signed });
    const { walked, lookedUp } = withoutWalks(log.mission());
    const request = retryRequested(FIRST, 1);
    if (request.event_type !== 'task_retry_requested') throw new TypeError('it is a request');
    expect(log.when({ ...request, payload: { ...request.payload, signed } })).toBe('applied');
    const answer = only('request_accepted', log.decides(quiet));
    expect(log.when(eventOf('request_accepted', answer))).toBe('applied');
    expect(log.task(FIRST).retryRequest).toContain('asked for by ann');
    expect(walked).not.toHaveBeenCalled();
    expect(lookedUp.mock.calls.length).toBeLessThan(20);
  });

  test('keeps its counts and sums as its tasks say', () => {
    const log = underWay();
    log.when(completed(FIRST, 1, { tokens_in: 7, cost_usd: 0.5 }));
    const { index, tasks } = log.mission();
    expect(index).toMatchObject({ verified: 1, usage: { tokens: 7, usd: 0.5 } });
    expect(index.open.size).toBe(AGENTS.length - 1);
    expect(index.waves.get(1)).toMatchObject({ total: AGENTS.length, done: 1, unfinished: AGENTS.length - 1 });
    expect(tasks.size).toBe(AGENTS.length + 1);
  });
});

describe('the dependencies of a large plan', () => {
  const NAMES = Array.from({ length: 12 }, (_, index) => `agent_${index + 1}`);
  const roster = NAMES.map(
    (name, index): AgentSpec => ({
      name,
      description: name,
      phase: 1,
      dependsOn: NAMES.slice(Math.max(0, index - 2), index),
      tools: [],
      models: null,
      concurrency: 1,
      timeoutSeconds: 60,
      maxSteps: 5,
      playbooks: {},
      prompt: name,
      digest: name,
    }),
  );
  const scope: PlanScope = { roster, agents: NAMES, done: [] };

  function planned(waves: number, tasks: number) {
    const draft: PlanDraft = {
      strategy: 'One wave after the other.',
      risks: [],
      successCriteria: [],
      waves: Array.from({ length: waves }, (_, wave) => ({
        waveNumber: wave + 1,
        rationale: '',
        tasks: Array.from({ length: tasks }, (__, index) => ({
          agent: NAMES[index % NAMES.length] ?? '',
          description: `Do part ${index + 1}.`,
          playbook: null,
          acceptance: [],
          timeoutSeconds: null,
        })),
      })),
    };
    const plan = buildPlan(draft, scope);
    const all = plan.waves.flatMap((wave) => wave.tasks);
    return { plan, count: all.reduce((sum, task) => sum + task.dependencies.length, 0), tasks: all.length };
  }

  test.each([
    [10, 120],
    [20, 120],
    [10, 36],
    [100, 24],
  ])('grow with the tasks: %i waves of %i', (waves, tasks) => {
    const { count, tasks: all } = planned(waves, tasks);
    // Of itself and of two agents that it depends on, four results each.
    expect(count).toBeLessThanOrEqual(all * 3 * 4);
    expect(count).toBeGreaterThan(all);
  });

  test('let ten waves of 120 tasks be one record of less than 512 KiB that is valid', () => {
    const { plan } = planned(10, 120);
    expect(JSON.stringify(plan).length).toBeLessThan(512 * 1024);
    expect(
      validatePlan(
        { ...plan, waves: plan.waves.slice(0, 2) },
        { ...scope, roster: roster.map((spec) => ({ ...spec, dependsOn: [] })) },
      ),
    ).toEqual([]);
  });

  test('hand each result of a large wave to a task of the next', () => {
    const { plan } = planned(2, 120);
    const needed = new Set(plan.waves[1]?.tasks.flatMap((task) => task.dependencies));
    expect(plan.waves[0]?.tasks.filter((task) => !needed.has(task.task_id))).toEqual([]);
  });
});
