/** How many characters of what a user wrote a message may repeat. */
const LONGEST = 80;

/** The beginning of a text; what was cut ends in …. */
export function shortened(text: string, longest = LONGEST): string {
  if (text.length <= longest) return text;
  return `${[...text.slice(0, longest - 1)].filter((character) => !/^[\ud800-\udfff]$/.test(character)).join('')}…`;
}

/** The beginning of a text in quotes, control characters escaped. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}
