import type { MissionReport } from '../domain/report.js';

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
