import { planAnswerOf, proposalOf } from '../../src/domain/mission-state.js';
import { MAX_REJECTIONS } from '../../src/domain/mission-decide.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import {
  approved,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  given,
  ID,
  named,
  only,
  opened,
  planFailed,
  planOf,
  proposed,
  rejected,
  requested,
  TWO_WAVES,
  underWay,
} from './support/mission-log.js';

const OPEN = [claimed(), opened()];

describe("a mission file's own plan", () => {
  test('is proposed and approved without a planner, and its first wave starts', () => {
    const log = given(...OPEN, requested({ plan: TWO_WAVES }));
    expect(named(log.settle())).toEqual([
      'plan_proposed',
      'plan_approved',
      'wave_started 1',
      `task_assigned ${CERT}`,
      `task_assigned ${ENV}`,
    ]);
    expect(proposalOf(log.mission())).toMatchObject({ planner: 'mission', revision: 1 });
  });

  test('waits for a person where the mission asks for approval', () => {
    const log = given(...OPEN, requested({ plan: TWO_WAVES, approval: 'approval' }));
    expect(named(log.settle())).toEqual(['plan_proposed']);
    log.when(approved(1));
    expect(named(log.settle())).toEqual(['wave_started 1', `task_assigned ${CERT}`, `task_assigned ${ENV}`]);
  });

  test('is not made again when a person rejects it: the mission fails with the reason', () => {
    const log = given(...OPEN, requested({ plan: TWO_WAVES, approval: 'approval' }));
    log.settle();
    log.when(rejected(1, 'too risky'));
    expect(only('mission_failed', log.settle()).reason).toBe('the plan was rejected by ann: too risky');
  });
});

describe('a planner', () => {
  test('is asked once, and its plan is carried out', () => {
    const log = given(...OPEN, requested());
    expect(only('plan_requested', log.settle())).toMatchObject({ revision: 1, reason: null });
    expect(log.decides()).toEqual([]);
    expect(log.when(proposed(1, TWO_WAVES))).toBe('applied');
    expect(named(log.settle())[0]).toBe('plan_approved');
  });

  test('that answers another revision is not heard', () => {
    const log = given(...OPEN, requested({ approval: 'approval' }));
    log.settle();
    log.when(proposed(1, TWO_WAVES));
    log.when(rejected(1));
    log.settle();
    expect(log.mission().revision).toBe(2);
    expect(log.when(proposed(1, TWO_WAVES))).toBe('void: another revision');
    expect(log.when(planFailed(1))).toBe('void: another revision');
    expect(log.when(approved(1))).toBe('void: another revision');
    expect(log.when(rejected(1))).toBe('void: another revision');
  });

  test('that answers twice is heard once', () => {
    const log = given(...OPEN, requested());
    log.settle();
    log.when(proposed(1, TWO_WAVES));
    expect(log.when(proposed(1, planOf([['env_agent']])))).toBe('void: the plan is not requested');
    expect(log.when(planFailed(1))).toBe('void: the plan is not requested');
    expect(proposalOf(log.mission())?.plan).toEqual(TWO_WAVES);
  });

  test('that was not asked is not heard', () => {
    const log = given(...OPEN, requested());
    expect(log.when(proposed(0, TWO_WAVES))).toBe('void: the plan is not requested');
    expect(log.when(proposed(1, TWO_WAVES))).toBe('void: another revision');
    expect(log.when(proposed(1, TWO_WAVES, { planner: 'mission' }))).toBe('void: another revision');
  });

  test('that gives up fails the mission with its reason', () => {
    const log = given(...OPEN, requested());
    log.settle();
    log.when(planFailed(1, 'anthropic: no key'));
    expect(only('mission_failed', log.settle()).reason).toBe('no plan: anthropic: no key');
  });
});

describe('approval', () => {
  test.each(['none', 'monitoring'] as const)('mode %s approves by itself', (approval) => {
    const log = given(...OPEN, requested({ approval, plan: TWO_WAVES }));
    expect(named(log.settle())).toContain('plan_approved');
    expect(log.mission().planning.kind).toBe('approved');
  });

  test('counts once', () => {
    const log = underWay();
    expect(log.when(approved(1))).toBe('void: the plan is not proposed');
    expect(log.when(rejected(1))).toBe('void: the plan is not proposed');
    expect(log.mission().planning.kind).toBe('approved');
  });

  test('that is not given in time fails the mission', () => {
    const log = given(...OPEN, requested({ approval: 'approval', plan: TWO_WAVES }));
    log.settle();
    expect(log.decides()).toEqual([]);
    expect(only('mission_failed', log.settle(expired(timerKeys.approval(ID, 1)))).reason).toBe(
      'the plan was not approved in time',
    );
  });

  test('a rejection asks the planner again, with the reason', () => {
    const log = given(...OPEN, requested({ approval: 'approval' }));
    log.settle();
    log.when(proposed(1, TWO_WAVES));
    log.when(rejected(1, 'cert first'));
    expect(only('plan_requested', log.settle())).toMatchObject({
      revision: 2,
      reason: null,
      answer: 'the plan was rejected by ann: cert first',
    });
  });

  test('every rejection so far reaches the planner', () => {
    const log = given(...OPEN, requested({ approval: 'approval' }));
    log.settle();
    for (const reason of ['cert first', 'env second']) {
      log.when(proposed(log.mission().revision, TWO_WAVES));
      log.when(rejected(log.mission().revision, reason));
      log.settle();
    }
    expect(planAnswerOf(log.mission())).toBe(
      'the plan was rejected by ann: cert first; the plan was rejected by ann: env second',
    );
  });

  test('after too many rejections the mission fails', () => {
    const log = given(...OPEN, requested({ approval: 'approval' }));
    for (let revision = 1; revision <= MAX_REJECTIONS; revision += 1) {
      log.settle();
      log.when(proposed(revision, TWO_WAVES));
      log.when(rejected(revision));
    }
    expect(named(log.settle())).toEqual(['mission_failed']);
  });

  test('of a changed plan that is rejected, the planner still hears what had failed', () => {
    const log = given(...OPEN, requested({ approval: 'approval', retries: 0 }));
    log.settle();
    log.when(proposed(1, TWO_WAVES));
    log.when(approved(1));
    log.settle();
    log.when(completed(ENV));
    log.when(failed(CERT));
    log.settle();
    log.when(proposed(2, planOf([['proxy_agent']], 3)));
    log.when(rejected(2, 'no'));
    const { reason, answer } = only('plan_requested', log.settle());
    expect(reason).toBe(`${CERT} failed after 1 attempt: it broke`);
    expect(answer).toBe('the plan was rejected by ann: no');
  });
});

describe('a plan that cannot be carried out is refused from any sender', () => {
  const twice = planOf([['cert_agent', 'cert_agent']]);
  test.each([
    ['has no waves', planOf([]), /has no waves/],
    ['has an empty wave', planOf([['cert_agent'], []]), /wave 2 has no tasks/],
    ['repeats an id', twice, /two tasks have the id deploy-cert_agent-wave1/],
    ['counts its waves backwards', { ...TWO_WAVES, waves: [...TWO_WAVES.waves].reverse() }, /wave 1 follows wave 2/],
  ])('one that %s', (_, plan, reason) => {
    const own = given(...OPEN, requested({ plan }));
    expect(only('mission_failed', own.settle()).reason).toMatch(reason);
    const planned = given(...OPEN, requested());
    planned.settle();
    planned.when(proposed(1, plan, { tokens_in: 7 }));
    expect(only('mission_failed', planned.settle()).reason).toMatch(reason);
    expect(planned.mission().planningUsage.tokens).toBe(7);
  });

  test('a changed plan must not use the ids and wave numbers of an earlier one again', () => {
    const log = given(...OPEN, requested({ retries: 0 }));
    log.settle();
    log.when(proposed(1, TWO_WAVES));
    log.settle();
    log.when(completed(ENV));
    log.when(failed(CERT));
    log.settle();
    log.when(proposed(2, TWO_WAVES));
    expect(only('mission_failed', log.settle()).reason).toMatch(/wave 1 follows wave 2/);
    expect(log.task(CERT).attempt).toBe(1);
  });
});
