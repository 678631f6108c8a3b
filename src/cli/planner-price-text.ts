import type { MissionReport } from '../domain/report.js';
import { shownUsd } from './durations.js';
import { oneLine } from './text-width.js';

/**
 * Such as "cost: $0.41; the same tokens at anthropic:claude-opus-5-5's price: about $9.80 (estimate)". Empty where no
 * planner model is configured, or no model was asked.
 */
export function plannerPriceText({ cost_usd, at_planner_price: at }: MissionReport): string {
  if (at === null || (at.tokens_in + at.tokens_out === 0 && at.unmeasured === 0)) return '';
  const model = oneLine(at.model);
  const estimate =
    at.usd === null
      ? `no estimate at the planner's price: no price for ${model}`
      : `the same tokens at ${model}'s price: about ${shownUsd(at.usd)} (estimate)`;
  const unmeasured =
    at.unmeasured === 0 ? '' : `; not counted: ${at.unmeasured} cancelled or lost, whose tokens are not known`;
  return `cost: ${shownUsd(cost_usd)}; ${estimate}${unmeasured}`;
}
