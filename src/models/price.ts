import type { TokenCost } from '../ports/model.js';

/** US dollars per million tokens. */
export interface Price {
  readonly input: number;
  readonly output: number;
  /** Input read from the vendor's prompt cache; null: the price of input. */
  readonly cacheRead: number | null;
  /** Input written to that cache; null: the price of input. */
  readonly cacheWrite: number | null;
}

/** Tokens of one call, each counted once. */
export interface Usage {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  /** The reply, thinking included. */
  readonly output: number;
}

/** The cost of a call in US dollars. */
function costUsd(price: Price, usage: Usage): number {
  const dollars =
    usage.input * price.input +
    usage.cacheRead * (price.cacheRead ?? price.input) +
    usage.cacheWrite * (price.cacheWrite ?? price.input) +
    usage.output * price.output;
  return dollars / 1_000_000;
}

/** Tokens of the prompt, cached or not. */
export function promptTokens(usage: Usage): number {
  return usage.input + usage.cacheRead + usage.cacheWrite;
}

/** All tokens and their price. */
export function usageCost(price: Price, usage: Usage): TokenCost {
  return { tokens: promptTokens(usage) + usage.output, usd: costUsd(price, usage) };
}

/** Upper bound of a call's cost: every prompt token counts at the highest of the input prices. */
export function boundCost(price: Price, promptBound: number, outputBound: number): TokenCost {
  const input = Math.max(price.input, price.cacheRead ?? 0, price.cacheWrite ?? 0);
  return { tokens: promptBound + outputBound, usd: (promptBound * input + outputBound * price.output) / 1_000_000 };
}
