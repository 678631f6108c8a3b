import { InvalidArgumentError } from 'commander';
import type { LimitChange } from '../client/steering.js';

/** A limit of the command line: +1 adds to it, =5 sets it. Throws InvalidArgumentError. */
export function limitArgument(text: string): LimitChange {
  const [, sign, digits = ''] = /^([+=])(\d{1,15}(?:\.\d{1,9})?)$/.exec(text) ?? [];
  if (sign === undefined) throw new InvalidArgumentError('It must be +N, so much more, or =N, the new limit.');
  return { kind: sign === '+' ? 'add' : 'set', value: Number(digits) };
}
