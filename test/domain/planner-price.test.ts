import { reportMission } from '../../src/domain/mission-report.js';
import { timerKeys } from '../../src/domain/mission-timers.js';
import type { PricedModel } from '../../src/domain/planner-price.js';
import {
  cancelRequested,
  CERT,
  claimed,
  completed,
  ENV,
  expired,
  failed,
  given,
  ID,
  only,
  opened,
  planOf,
  proposed,
  requested,
  started,
  underWay,
} from './support/mission-log.js';

const OPUS: PricedModel = { model: 'anthropic:opus', price: { input: 4, output: 20 } };
const asked: string[] = [];
const priced = (model: PricedModel | null) => ({
  plannerPrice(wrote: string) {
    asked.push(wrote);
    return model;
  },
});
const ONE_TASK = planOf([['cert_agent']]);

describe("a mission's cost at the planner's price", () => {
  test('is that of all tokens, plans and failed attempts included', () => {
    const log = given(claimed(), opened(), requested({ retries: 1 }));
    log.settle();
    log.when(proposed(1, ONE_TASK, { model: OPUS.model, tokens_in: 1_000, tokens_out: 100, cost_usd: 0.006 }));
    log.settle();
    log.when(failed(CERT, 1, { tokens_in: 200, tokens_out: 20, cost_usd: 0.001 }));
    log.settle();
    log.settle(expired(timerKeys.retry(ID, CERT, 1)));
    log.when(completed(CERT, 2, { tokens_in: 300, tokens_out: 30, cost_usd: 0.002 }));
    asked.length = 0;
    const { at_planner_price } = only('mission_completed', log.settle(priced(OPUS)));
    expect(at_planner_price).toEqual({
      model: OPUS.model,
      ...{ usd_per_million_in: 4, usd_per_million_out: 20, tokens_in: 1_500, tokens_out: 150, unmeasured: 0 },
      usd: 0.009,
    });
    expect(asked).toEqual([OPUS.model]);
    expect(reportMission(log.mission())).toMatchObject({ tokens: 1_650, at_planner_price });
  });

  test('has no estimate without a price, and is null without a planner model', () => {
    const end = (model: PricedModel | null) => {
      const log = underWay({ plan: ONE_TASK });
      log.when(completed(CERT, 1, { tokens_in: 300 }));
      return only('mission_completed', log.settle(priced(model))).at_planner_price;
    };
    expect(end({ model: 'ollama:qwen', price: null })).toMatchObject({
      ...{ model: 'ollama:qwen', usd_per_million_in: null, usd_per_million_out: null, tokens_in: 300, usd: null },
    });
    expect(end(null)).toBeNull();
  });

  test('names what it cannot count: attempts that had begun when they were cancelled', () => {
    const log = underWay();
    log.when(started(CERT));
    log.when(completed(ENV, 1, { tokens_in: 10 }));
    log.when(cancelRequested());
    expect(only('mission_cancelled', log.settle(priced(OPUS))).at_planner_price).toMatchObject({
      ...{ tokens_in: 10, unmeasured: 1, usd: 0.00004 },
    });
    const idle = underWay();
    idle.when(cancelRequested());
    expect(only('mission_cancelled', idle.settle(priced(OPUS))).at_planner_price?.unmeasured).toBe(0);
  });

  test('names a planner call that was lost', () => {
    const log = given(claimed(), opened(), requested());
    log.settle({ planningWorstCase: () => ({ tokens: 500, usd: 1 }) });
    log.when(claimed('o-2'));
    log.when(cancelRequested());
    expect(only('mission_cancelled', log.settle(priced(OPUS))).at_planner_price?.unmeasured).toBe(1);
  });

  test('is null while the mission is open', () => {
    const log = underWay();
    log.when(completed(CERT, 1, { tokens_in: 300 }));
    expect(reportMission(log.mission()).at_planner_price).toBeNull();
  });
});
