/**
 * What a mission's tokens would cost at the price of the planner's model. The holder writes price and estimate into the
 * event that ends the mission, so that every reader has them without a list of prices.
 */
import type { PayloadOf } from './events.js';
import { proposalOf, type Mission, type MissionFold } from './mission-state.js';

/** A model, and its US dollars per million tokens; null: it has no price, or none that is known. */
export interface PricedModel {
  readonly model: string;
  readonly price: { readonly input: number; readonly output: number } | null;
}

export type AtPlannerPrice = NonNullable<PayloadOf<'mission_completed'>['at_planner_price']>;

export interface PriceContext {
  /** For the model that wrote the plan; empty: none did. null: there is no planner model. */
  plannerPrice(wrote: string): PricedModel | null;
}

/** null: there is no planner model. */
export function atPlannerPrice(mission: Mission, { plannerPrice }: PriceContext): AtPlannerPrice | null {
  const priced = plannerPrice(proposalOf(mission)?.model ?? '');
  if (priced === null) return null;
  const { model, price } = priced;
  const { in: tokens_in, out: tokens_out, unmeasured } = mission.measured;
  const usd = price === null ? null : (tokens_in * price.input + tokens_out * price.output) / 1_000_000;
  const prices = { usd_per_million_in: price?.input ?? null, usd_per_million_out: price?.output ?? null };
  return { model, ...prices, tokens_in, tokens_out, unmeasured, usd };
}

/** What an attempt or a planner call says that it has used. */
export function noteMeasured(
  mission: MissionFold,
  { tokens_in, tokens_out }: { readonly tokens_in: number; readonly tokens_out: number },
): void {
  const { measured } = mission;
  mission.measured = { ...measured, in: measured.in + tokens_in, out: measured.out + tokens_out };
}

/** Something has begun, and what it has used will not be known. */
export function noteUnmeasured(mission: MissionFold): void {
  mission.measured = { ...mission.measured, unmeasured: mission.measured.unmeasured + 1 };
}

export const NOTHING_MEASURED: Mission['measured'] = { in: 0, out: 0, unmeasured: 0 };
