/**
 * Replaces secrets in texts: values that the configuration holds, and what has the form of a secret. The log, the
 * program's own log and prompts pass it (docs/security.md). Hidden characters become visible on the same way.
 *
 * What is put in has no quotes, backslashes or control characters, so that JSON with a redacted text is still JSON, and
 * nothing here matches it.
 */
import type { AgentEvent } from './events.js';
import { showHidden } from './hidden-text.js';
import { mapTexts } from './map-texts.js';
import { escapedFormOf, formsOf } from './secret-forms.js';
import { EVERY_MARK, mark, redactPatterns } from './secret-patterns.js';

/** Gives the text without its secrets. The same text gives the same result; a result stays as it is. */
export type Redact = (text: string) => string;

/** Shorter values are words that occur in any text. */
const SHORTEST_SECRET = 8;

/**
 * @param secrets values that must not appear anywhere; those with fewer than 8 characters are left alone, for they
 *   would change ordinary words
 */
export function createRedactor(secrets: readonly string[] = []): Redact {
  const known = [...new Set(secrets.map((secret) => secret.trim()))].filter(
    (secret) => secret.length >= SHORTEST_SECRET && !mark(WORDS_OF_MARKS).includes(secret),
  );
  const values = [...new Set(known.flatMap(formsOf))];
  if (values.length === 0) return (text) => redactPatterns(showHidden(text));
  // The longest first: one value may be part of another.
  const longestFirst = (a: string, b: string): number => b.length - a.length;
  values.sort(longestFirst);
  const escaped = known.sort(longestFirst).map(escapedFormOf);
  const marked = mark('configured secret');
  return (text) => {
    const plain = values.reduce((left, value) => left.replaceAll(value, marked), showHidden(text));
    return redactPatterns(
      escaped.reduce(
        (left, { sign, expression }) => (left.includes(sign) ? left.replace(expression, marked) : left),
        plain,
      ),
    );
  };
}

/** A secret that is part of a mark would be found in it again. */
const WORDS_OF_MARKS = `configured secret ${EVERY_MARK}`;

/** Ids, names and digests: what they refer to must be found again, and none of them is written by a model. */
const IDENTIFIERS =
  'id ids digest agent agents owner epoch marker partition type kind code status outcome tool playbook topic model ' +
  'signature by workspace working_dir dependencies';
const IDENTIFIER = new RegExp(`(?:^|_)(?:${IDENTIFIERS.replaceAll(' ', '|')})$`);
/** Their keys are a model's or a person's words. */
const FREE_KEYS = /^(?:outputs|parameters)$/;

/** The event with its texts redacted, identifiers excepted; the same object where nothing changes. */
export function redactEvent<E extends AgentEvent>(event: E, redact: Redact): E {
  // A copy of what a person has signed, which is on the log already.
  if (event.event_type === 'call_decided') return event;
  return mapTexts(event, (text, key, parent) =>
    IDENTIFIER.test(key) && !FREE_KEYS.test(parent) ? text : redact(text),
  );
}
