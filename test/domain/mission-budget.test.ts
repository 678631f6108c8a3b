import { left, NOTHING, type Limits } from '../../src/domain/budget.js';
import type { Mission } from '../../src/domain/mission-state.js';
import { leftForPlanning, usageOf } from '../../src/domain/mission-budget.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import {
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
  PROXY,
  rejected,
  requested,
  started,
  TWO_WAVES,
  underWay,
} from './support/mission-log.js';

const budget = { usd: 3, tokens: 3000, minutes: null };
const reserving = (tokens: number, usd: number) => ({ planningWorstCase: () => ({ tokens, usd }) });

/** What neither planners nor attempts have spent or may still spend. */
function leftOf(mission: Mission): Limits {
  const { planning } = mission;
  return left(leftForPlanning(mission), planning.kind === 'requested' ? planning.reserved : NOTHING);
}

describe('shares', () => {
  test('are what is left, divided by the tasks that are neither under way nor ended', () => {
    const log = underWay({ budget });
    expect([CERT, ENV].map((task) => log.task(task).share)).toEqual([
      { tokens: 1000, usd: 1 },
      { tokens: 1000, usd: 1 },
    ]);
    expect(leftOf(log.mission())).toEqual({ tokens: 1000, usd: 1 });
  });

  test('return what their tasks did not use', () => {
    const log = underWay({ budget });
    log.when(completed(CERT, 1, { tokens_in: 90, tokens_out: 10, cost_usd: 0.25 }));
    log.when(completed(ENV));
    expect(only('task_assigned', log.settle())).toMatchObject({ task_id: PROXY, share_tokens: 2900, share_usd: 2.75 });
  });

  test('are lost with an attempt that was cancelled: its spending is unknown', () => {
    const log = underWay({ budget });
    log.settle(expired(timerKeys.accept(ID, CERT, 1)));
    expect(log.task(CERT).spent).toEqual({ tokens: 1000, usd: 1 });
    // 3000 - 1000 lost - 1000 of env_agent, for this task and proxy_agent's
    expect(log.task(CERT).share).toEqual({ tokens: 500, usd: 0.5 });
  });

  test('of a retry are cut again from what is left', () => {
    const log = underWay({ budget });
    log.when(failed(CERT, 1, { tokens_in: 600, cost_usd: 0.5 }));
    expect(only('task_assigned', log.settle(expired(timerKeys.retry(ID, CERT, 1))))).toMatchObject({
      attempt: 2,
      share_tokens: 700,
      share_usd: 0.75,
    });
  });

  test('never fall below nothing, and whole tokens are given', () => {
    const log = underWay({ budget: { usd: 1, tokens: 2, minutes: null } });
    expect(log.task(CERT).share).toEqual({ tokens: 0, usd: 1 / 3 });
    log.when(completed(CERT, 1, { tokens_in: 500 }));
    expect(leftOf(log.mission()).tokens).toBe(0);
  });

  test('are unlimited where the budget is', () => {
    const log = underWay({ budget: { usd: null, tokens: 3000, minutes: null } });
    expect(log.task(CERT).share).toEqual({ tokens: 1000, usd: null });
  });
});

describe('the planner', () => {
  const ASKED = [claimed('o-1'), opened(), requested({ budget, approval: 'approval' })];

  test('is counted first: its reservation counts while it thinks, then what it used', () => {
    const log = given(...ASKED);
    log.settle(reserving(500, 1));
    expect(leftOf(log.mission())).toEqual({ tokens: 2500, usd: 2 });
    expect(leftForPlanning(log.mission())).toEqual({ tokens: 3000, usd: 3 });
    log.when(proposed(1, TWO_WAVES, { tokens_in: 80, tokens_out: 20, cost_usd: 0.5 }));
    expect(leftOf(log.mission())).toEqual({ tokens: 2900, usd: 2.5 });
    expect(usageOf(log.mission())).toEqual({ tokens: 100, usd: 0.5 });
  });

  test('that fails is paid, too', () => {
    const log = given(...ASKED);
    log.settle(reserving(500, 1));
    log.when(planFailed(1, 'no planner', { tokens_in: 300, cost_usd: 0.75 }));
    expect(leftOf(log.mission())).toEqual({ tokens: 2700, usd: 2.25 });
  });

  test("that a former holder had called may have spent all its reservation, and the new holder's its own", () => {
    const log = given(...ASKED);
    log.settle(reserving(500, 1));
    log.when(claimed('o-2'));
    expect(leftOf(log.mission())).toEqual({ tokens: 2000, usd: 1 });
    log.when(proposed(1, TWO_WAVES, { tokens_in: 100 }));
    expect(leftOf(log.mission())).toEqual({ tokens: 2400, usd: 2 });
    expect(usageOf(log.mission())).toEqual({ tokens: 100, usd: 0 });
  });

  test('loses nothing by a claim that was appended twice', () => {
    const log = given(...ASKED);
    log.settle(reserving(500, 1));
    log.when(claimed('o-1'));
    expect(leftOf(log.mission())).toEqual({ tokens: 2500, usd: 2 });
  });

  test('loses nothing by a take-over while it is not asked', () => {
    const log = given(...ASKED);
    log.settle(reserving(500, 1));
    log.when(proposed(1, TWO_WAVES, { tokens_in: 100 }));
    log.when(claimed('o-2'));
    expect(leftOf(log.mission())).toEqual({ tokens: 2900, usd: 3 });
  });

  test('pays for every revision', () => {
    const log = given(...ASKED);
    for (const revision of [1, 2]) {
      log.settle(reserving(500, 1));
      log.when(proposed(revision, TWO_WAVES, { tokens_in: 100, cost_usd: 0.25 }));
      log.when(rejected(revision));
    }
    expect(leftOf(log.mission())).toEqual({ tokens: 2800, usd: 2.5 });
  });

  test('is asked with no more than what is left, also while tasks of an earlier plan have spent', () => {
    const log = given(claimed(), opened(), requested({ budget, retries: 0 }));
    log.settle();
    log.when(proposed(1, planOf([['cert_agent']]), { tokens_in: 500 }));
    log.settle();
    log.when(failed(CERT, 1, { tokens_in: 1500, cost_usd: 2 }));
    expect(leftForPlanning(log.mission())).toEqual({ tokens: 1000, usd: 1 });
    expect(named(log.settle(reserving(1000, 1)))).toEqual(['plan_requested']);
    expect(leftOf(log.mission())).toEqual({ tokens: 0, usd: 0 });
  });
});

describe('what the mission has used', () => {
  test('is what its results say, over all attempts; a cancelled attempt is not known', () => {
    const log = underWay({ budget });
    log.when(failed(CERT, 1, { tokens_in: 10, tokens_out: 5, cost_usd: 0.5 }));
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(completed(CERT, 2, { tokens_in: 20, cost_usd: 0.25 }));
    log.when(started(ENV));
    log.settle(expired(timerKeys.deadline(ID, ENV, 1)));
    expect(usageOf(log.mission())).toEqual({ tokens: 35, usd: 0.75 });
  });
});
