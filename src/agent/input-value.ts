/** The value of one input: whether it is of its type, and what commands see. */
import { chooseInstead } from '../domain/did-you-mean.js';
import { quoted } from '../domain/quoted.js';
import { createRedactor, type Redact } from '../domain/redaction.js';
import { firstRedacted, isRedacted } from '../domain/secret-patterns.js';
import { isSecretName } from './permission-settings.js';

/** wrong: what was given, behind the name of the input. */
export type ReadValue =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly wrong: string; readonly fix: string };

export const INPUT_TYPES = ['string', 'number', 'boolean', 'choice', 'secret'] as const;
type InputType = (typeof INPUT_TYPES)[number];

/** What a value must be. */
export interface InputKind {
  readonly type: InputType;
  /** Of a choice. */
  readonly options: readonly string[];
}

/**
 * @param form typed: as YAML, JSON and programs have it. text: as it was typed or stored, where a number is text too
 * @param redact what the log passes: a value that it would change cannot be kept
 */
export function readInputValue(
  kind: InputKind,
  given: unknown,
  form: 'typed' | 'text',
  redact: Redact = createRedactor(),
): ReadValue {
  const read = READERS[kind.type](given, form, kind.options);
  return read.ok ? keptAsItIs(read.value, redact) : read;
}

type Reader = (given: unknown, form: 'typed' | 'text', options: readonly string[]) => ReadValue;

const value = (text: string): ReadValue => ({ ok: true, value: text });
const refused = (wrong: string, fix: string): ReadValue => ({ ok: false, wrong, fix });

/** JSON's numbers. */
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const READERS: Readonly<Record<InputType, Reader>> = {
  string: (given) => (typeof given === 'string' ? value(given) : refused(is(given), quotesFor(given, 'text'))),
  number: (given, form) => {
    if (form === 'text' && typeof given === 'string' && NUMBER.test(given.trim())) return numberValue(Number(given));
    if (typeof given === 'number') return numberValue(given);
    const isQuoted = typeof given === 'string' && NUMBER.test(given);
    return refused(is(given), isQuoted ? 'give it without quotes' : 'give a number, such as 8080 or 0.5');
  },
  boolean: (given, form) => {
    if (typeof given === 'boolean') return value(String(given));
    return form === 'text' && (given === 'true' || given === 'false')
      ? value(given)
      : refused(is(given), 'give true or false');
  },
  choice: (given, _form, options) => {
    if (typeof given !== 'string') return refused(is(given), quotesFor(given, `one of: ${options.join(', ')}`));
    return options.includes(given) ? value(given) : refused(is(given), chooseInstead(given, options));
  },
  // It may be the secret itself: the message does not repeat it.
  secret: (given) =>
    typeof given === 'string' && isSecretName(given)
      ? value(given)
      : refused(
          'is no name of a secret',
          'give the name under which the workers have it, such as DEPLOY_TOKEN (letters, digits and _, in capitals, ' +
            "not the swarm's own); never the secret itself",
        ),
};

function numberValue(number: number): ReadValue {
  if (!Number.isFinite(number)) return refused('is no number with an end', 'give a number, such as 8080 or 0.5');
  return Number.isInteger(number) && !Number.isSafeInteger(number)
    ? refused('is a whole number that would lose digits', 'give it as an input of type string')
    : value(String(number));
}

/** Such as: is 1.1, a number. */
function is(given: unknown): string {
  if (typeof given === 'string') return `is ${quoted(given)}`;
  if (typeof given === 'number') return `is ${given}, a number`;
  if (typeof given === 'boolean') return `is ${given}`;
  if (given === null || given === undefined) return 'is empty';
  return Array.isArray(given) ? 'is a list' : 'is a map';
}

/** YAML reads 1.10 and yes as something else than text. */
const quotesFor = (given: unknown, wanted: string): string =>
  typeof given === 'number' || typeof given === 'boolean' ? `give ${wanted}; put it in quotes` : `give ${wanted}`;

function keptAsItIs(text: string, redact: Redact): ReadValue {
  if (text.includes('\0')) return refused('has a NUL, which no variable can have', 'leave it out');
  if (/\p{Surrogate}/u.test(text)) return refused('has half a character, which UTF-8 does not have', 'leave it out');
  // The log passes it, and every worker refuses it (inputsFault).
  if (isRedacted(text))
    return refused('has a mark of what was redacted', 'give the text itself, or a secret as an input of type secret');
  const kept = redact(text);
  if (kept === text) return value(text);
  const secret = firstRedacted(kept);
  return secret === null
    ? refused('has hidden characters', 'leave them out')
    : refused(
        `has a secret (${secret}), and everybody who may read the log would see it`,
        'make it an input of type secret, and give the name of a secret of the workers',
      );
}
