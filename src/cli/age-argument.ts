import { InvalidArgumentError } from 'commander';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds; null when the text is no age such as 90m, 12h or 7d. At most four digits: 9999d are 27 years. */
export function ageMs(text: string): number | null {
  const [, number, unit] = /^(\d{1,4})([mhd])$/.exec(text) ?? [];
  if (number === undefined || (unit !== 'm' && unit !== 'h' && unit !== 'd')) return null;
  return Number(number) * UNIT_MS[unit];
}

/** Milliseconds. Throws InvalidArgumentError, to which commander adds the argument's name. */
export function ageArgument(text: string): number {
  const age = ageMs(text);
  if (age === null)
    throw new InvalidArgumentError('It must be a number of minutes, hours or days, such as 90m, 12h or 7d.');
  return age;
}
