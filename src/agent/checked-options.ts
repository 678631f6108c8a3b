import { z } from 'zod';
import { didYouMean } from '../domain/did-you-mean.js';
import { RANGES, rangeText, type RangeName } from '../domain/ranges.js';
import { brokenPrefixRule } from '../domain/topic-names.js';

/** An option that is a number of this range. */
export function optionIn(name: RangeName): z.ZodNumber {
  const range = RANGES[name];
  const must = `it must be ${rangeText(range)}`;
  return (range.whole ? z.int(must) : z.number(must)).min(range.least, must).max(range.most, must);
}

/** The first part of the names of topics and groups. */
export const prefixOption = z.string('it must be a text').superRefine((prefix, context) => {
  const rule = brokenPrefixRule(prefix);
  if (rule !== null) context.addIssue({ code: 'custom', message: `it must ${rule}` });
});

/** An option of the library has a value that cannot be used. */
export class OptionError extends Error {
  readonly code = 'option_invalid';
  readonly retriable = false;

  constructor(
    /** Where it is, such as createSwarm: tools.workspaceRoot. */
    readonly option: string,
    problem: string,
    /** What to do about it. */
    readonly nextStep: string,
  ) {
    super(`${option}: ${problem}. ${nextStep}`);
    this.name = 'OptionError';
  }
}

/** The options with their defaults. Throws OptionError for the first one that cannot be used. */
export function checkedOptions<S extends z.ZodObject>(schema: S, options: unknown, where: string): z.output<S> {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).join('.');
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  if (unknown !== undefined) {
    const known = path === '' ? Object.keys(schema.shape) : [];
    const advice = didYouMean(unknown, known) ?? 'Omit it.';
    throw new OptionError(`${where}: ${path === '' ? '' : `${path}.`}${unknown}`, 'there is no such option', advice);
  }
  throw new OptionError(`${where}: ${path || 'options'}`, issue?.message ?? 'it cannot be used', 'Correct it.');
}
