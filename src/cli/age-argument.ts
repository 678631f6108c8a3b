import { InvalidArgumentError } from 'commander';
import { isInRange, RANGES, rangeText } from '../domain/ranges.js';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Of every age that is written so. */
const RANGE = RANGES['workspace prune --older-than'];

/** Milliseconds; null when the text is no age such as 90m, 12h or 7d, or one that is not in the range. */
export function ageMs(text: string): number | null {
  const [, number, unit] = /^(\d+)([mhd])$/.exec(text) ?? [];
  if (number === undefined || (unit !== 'm' && unit !== 'h' && unit !== 'd')) return null;
  return isInRange(RANGE, Number(number)) ? Number(number) * UNIT_MS[unit] : null;
}

/** Milliseconds. Throws InvalidArgumentError, to which commander adds the argument's name. */
export function ageArgument(text: string): number {
  const age = ageMs(text);
  if (age === null) throw new InvalidArgumentError(`It must be ${rangeText(RANGE)}, such as 90m, 12h or 7d.`);
  return age;
}
