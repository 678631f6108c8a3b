import type { BudgetUseReport, MissionReport } from '../domain/report.js';
import { shownUsd } from './durations.js';

/** Such as "$5, 20000 tokens, 30 minutes"; empty where there is no limit. */
export function budgetText({ usd, tokens, minutes }: MissionReport['budget']): string {
  return [
    usd === null ? '' : `$${usd}`,
    tokens === null ? '' : `${tokens} tokens`,
    minutes === null ? '' : `${minutes} minutes`,
  ]
    .filter((limit) => limit !== '')
    .join(', ');
}

type Use = { readonly budget: string } & Pick<BudgetUseReport, 'percent' | 'used' | 'limit'>;

/** Such as "75 % of $5 ($3.90)", "95 % of 20000 tokens (19200)" or "75 % of 30 minutes". */
export function budgetUseText({ budget, percent, used, limit }: Use): string {
  switch (budget) {
    case 'usd':
      return `${percent} % of $${limit} (${shownUsd(used)})`;
    case 'minutes':
      return `${percent} % of ${limit} minutes`;
    default:
      return `${percent} % of ${limit} ${budget} (${used})`;
  }
}

/** Such as "used: 75 % of $5 ($3.90), 95 % of 30 minutes"; empty where less is used of each limit. */
export const budgetUsesText = ({ budget_used }: Pick<MissionReport, 'budget_used'>): string =>
  budget_used.length === 0 ? '' : `used: ${budget_used.map(budgetUseText).join(', ')}`;
