import { InvalidArgumentError } from 'commander';
import { isInRange, RANGES, rangeText, type RangeName } from '../domain/ranges.js';

/** A number of the command line. Throws InvalidArgumentError, to which commander adds the argument's name. */
export function numberArgument(name: RangeName, text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!isInRange(RANGES[name], value)) throw new InvalidArgumentError(`It must be ${rangeText(RANGES[name])}.`);
  return value;
}
