/** How a secret may be written: programs encode what they print. */

/** Shorter encoded texts occur by chance. */
const SHORTEST_CODE = 9;

/** As it is, in JSON, in a URL, where programs differ in what they encode, in base64 and in hexadecimal digits. */
export function formsOf(secret: string): readonly string[] {
  const encoded = encodeURIComponent(secret);
  const strict = encoded.replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const codes = [...base64FormsOf(secret), ...hexFormsOf(secret)].filter(({ length }) => length >= SHORTEST_CODE);
  return [secret, JSON.stringify(secret).slice(1, -1), encoded, strict, ...codes];
}

/**
 * What base64 makes of it inside of a longer text. That depends on whether zero, one or two bytes precede it in a group
 * of three. The first and last character, which hold bits of what is beside it, are left out.
 */
function base64FormsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((before) => {
    const bits = (before + bytes.length) * 8;
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const core = text.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6));
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function hexFormsOf(secret: string): readonly string[] {
  const digits = Buffer.from(secret).toString('hex');
  return [digits, digits.toUpperCase()];
}

/** A secret in JSON texts, also where one is in another: any of its characters may be escaped, each time again. */
export interface EscapedForm {
  /** A text without it has no such form. */
  readonly sign: string;
  /** Global. */
  readonly expression: RegExp;
}

export function escapedFormOf(secret: string): EscapedForm {
  const units = Array.from({ length: secret.length }, (_, index) => unitPattern(secret.charAt(index)));
  const sign = JSON.stringify(secret) === `"${secret}"` ? String.raw`\u` : '\\';
  return { sign, expression: new RegExp(units.join(''), 'g') };
}

/** One UTF-16 unit: as it is, escaped by a letter or itself, or as \u and four digits. */
function unitPattern(unit: string): string {
  const json = JSON.stringify(unit).slice(1, -1);
  const digits = unit.charCodeAt(0).toString(16).padStart(4, '0');
  const anyCase = digits.replaceAll(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
  const byLetter = json.length === 2 ? [String.raw`\\{1,7}${quoted(json.charAt(1))}`] : [];
  return `(?:${[quoted(unit), ...byLetter, String.raw`\\{1,4}u${anyCase}`].join('|')})`;
}

const quoted = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
