import { InvalidArgumentError } from 'commander';
import type { LimitChange } from '../client/steering.js';
import { isInRange, RANGES, rangeText } from '../domain/ranges.js';

/** A limit of the command line: +1 adds to it, =5 sets it. The parser throws InvalidArgumentError. */
export function limitArgument(limit: 'usd' | 'tokens' | 'minutes'): (text: string) => LimitChange {
  const range = RANGES[`mission budget.${limit}`];
  return (text) => {
    const [, sign, digits = ''] = /^([+=])(\d{1,15}(?:\.\d{1,9})?)$/.exec(text) ?? [];
    const value = Number(digits);
    const isWrong = sign === undefined || (sign === '=' ? !isInRange(range, value) : value <= 0 || value > range.most);
    if (isWrong || (range.whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(
        `It must be +N, so much more, or =N, the new limit; the limit must be ${rangeText(range)}.`,
      );
    return { kind: sign === '+' ? 'add' : 'set', value };
  };
}
