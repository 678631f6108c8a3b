/** Counts what was really spent, whatever the swarm has heard of it, and holds it to the missions' budgets. */
import type { PayloadOf } from '../../src/domain/events.js';
import type { TokenCost } from '../../src/ports/model.js';
import { Violation } from './violation.js';

type Budget = PayloadOf<'mission_requested'>['budget'];

export interface SpendingOracle {
  /** @throws Violation */
  onSpent(missionId: string, cost: TokenCost): void;
}

/** Sums of US dollars are binary fractions. */
const ROUNDING_USD = 1e-9;

/** @param budgetOf undefined for a mission that is not known any more */
export function createSpendingOracle(budgetOf: (missionId: string) => Budget | undefined): SpendingOracle {
  const spent = new Map<string, TokenCost>();

  return {
    onSpent(missionId, cost) {
      const before = spent.get(missionId) ?? { tokens: 0, usd: 0 };
      const total = { tokens: before.tokens + cost.tokens, usd: before.usd + cost.usd };
      spent.set(missionId, total);
      const budget = budgetOf(missionId);
      if (budget === undefined) return;
      const overTokens = budget.tokens !== null && total.tokens > budget.tokens;
      const overUsd = budget.usd !== null && total.usd > budget.usd + ROUNDING_USD;
      if (overTokens || overUsd)
        throw new Violation(
          'budget',
          `${missionId} has really spent ${total.tokens} tokens and $${total.usd.toFixed(4)} of ${budget.tokens} ` +
            `and ${budget.usd}`,
        );
    },
  };
}
