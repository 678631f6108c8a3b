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
import { replaceDecoded } from './decoded-text.js';
import { formsOf } from './secret-forms.js';
import { countMarks, EVERY_MARK, mark, redactPatterns } from './secret-patterns.js';
import { READINGS } from './secret-readings.js';

/** Gives the text without its secrets. The same text gives the same result; a result stays as it is. */
export type Redact = (text: string) => string;

/** Shorter values are words that occur in any text. */
const SHORTEST_SECRET = 8;

/**
 * @param secrets values that must not appear anywhere, of several lines also each line; those with fewer than 8
 *   characters are left alone, for they would change ordinary words
 */
export function createRedactor(secrets: readonly string[] = []): Redact {
  const known = [...new Set(secrets.flatMap(partsOf))].filter(isHideable);
  const values = [...new Set(known.flatMap(formsOf).flatMap(withQuote))].filter(isOutsideMarks);
  if (values.length === 0) return (text) => redactPatterns(showHidden(text));
  // The longest first: one value may be part of another.
  const longestFirst = (a: string, b: string): number => b.length - a.length;
  values.sort(longestFirst);
  const formed = READINGS.map(({ read, formsOf }) => ({
    read,
    forms: [...new Set(known.flatMap(formsOf))].filter(isOutsideMarks),
  }));
  const readings = formed.filter(({ forms }) => forms.length > 0);
  const marked = mark('configured secret');
  return (text) => {
    const plain = values.reduce((left, value) => left.replaceAll(value, marked), showHidden(text));
    return redactPatterns(
      readings.reduce((left, { read, forms }) => replaceDecoded(left, read(left), forms, marked), plain),
    );
  };
}

/** In JSON a last backslash may be the first half of an escaped quote, which must not be left there alone. */
const withQuote = (value: string): readonly string[] =>
  /(?<!\\)(?:\\\\)*\\$/.test(value) ? [`${value}"`, value] : [value];

/** Whether there is something in the text that the redactor hides, beyond what was redacted before. */
export function holdsSecret(text: string, redact: Redact): boolean {
  return countMarks(redact(text)) > countMarks(text);
}

/** A redactor that learns further secrets. */
export interface GrowingRedactor {
  readonly redact: Redact;
  /** From now on these are redacted too. */
  add(secrets: readonly string[]): void;
}

/** For values that are known only after the program has begun to write. */
export function createGrowingRedactor(secrets: readonly string[]): GrowingRedactor {
  let known = secrets;
  let current = createRedactor(known);
  return {
    redact: (text) => current(text),
    add(more) {
      if (more.length === 0) return;
      known = [...known, ...more];
      current = createRedactor(known);
    },
  };
}

/** Whether a value can be redacted without changing ordinary texts. */
export function isHideable(secret: string): boolean {
  const value = secret.trim();
  return value.length >= SHORTEST_SECRET && isOutsideMarks(value);
}

const isOutsideMarks = (value: string): boolean => !mark(WORDS_OF_MARKS).includes(value);

/** The whole, and each line: programs show files by line. The bounds of a PEM block are those of every other one. */
function partsOf(secret: string): readonly string[] {
  const lines = secret.split('\n').map((line) => line.trim());
  const own = lines.filter((line) => !/^-----(?:BEGIN|END) [A-Z0-9 ]+-----$/.test(line));
  return lines.length === 1 ? lines : [secret.trim(), ...own];
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
