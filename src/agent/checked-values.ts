/** Schemas of what people write, with the range or the size in the message. */
import { z } from 'zod';
import { RANGES, rangeText, type RangeName } from '../domain/ranges.js';
import { byteLength, SIZES } from '../domain/sizes.js';

/** A number of this range. */
export function numberIn(name: RangeName): z.ZodNumber {
  const range = RANGES[name];
  const must = `must be ${rangeText(range)}`;
  return (range.whole ? z.int() : z.number()).min(range.least, must).max(range.most, must);
}

/** Text that is not empty, without white space at its ends. */
export const text = z.string().trim().min(1, 'must not be empty');

/** Such text of at most so many bytes of UTF-8. */
export const textWithin = (most: number): typeof text =>
  text.refine((value) => byteLength(value) <= most, {
    error: ({ input }) => `must have at most ${most} bytes (it has ${byteLength(String(input))})`,
  });

export const command = textWithin(SIZES.command);

/** A command that proves something. */
const checkSchema = z.strictObject({ name: textWithin(SIZES.description), command });

const limited = z.array(checkSchema).max(SIZES.checksCount, `must have at most ${SIZES.checksCount} checks`);

/** A list of checks that travels in one record, and whose results do. */
export const checksSchema = limited.refine((checks) => checkBytes(checks) <= SIZES.checks, {
  error: ({ input }) =>
    `must have at most ${SIZES.checks} bytes in all (they have ${checkBytes(z.array(checkSchema).parse(input))})`,
});

const checkBytes = (checks: readonly { readonly name: string; readonly command: string }[]): number =>
  checks.reduce((sum, check) => sum + byteLength(check.name) + byteLength(check.command), 0);
