/** How a secret may be written: programs encode what they print. */

/** Shorter encoded texts occur by chance. */
const SHORTEST_CODE = 9;

/** As it is, with + in place of spaces (forms of web pages), with quotes doubled (SQL, YAML), and backwards. */
export const turned = (secret: string): readonly string[] => [
  secret,
  secret.replaceAll(' ', '+'),
  ...["'", '"'].map((quote) => secret.replaceAll(quote, quote + quote)),
  [...secret].toReversed().join(''),
];

/** The same, also in JSON; in a URL, in base64 and in hexadecimal digits. */
export function formsOf(secret: string): readonly string[] {
  const plain = turned(secret).flatMap((form) => [form, JSON.stringify(form).slice(1, -1)]);
  return [...plain, encodeURIComponent(secret), ...base64FormsOf(secret), ...hexFormsOf(secret)];
}

/**
 * What base64 makes of it inside of a longer text. That depends on whether zero, one or two bytes precede it in a group
 * of three. The first and last character, which hold bits of what is beside it, are left out.
 */
export function base64FormsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const forms = [0, 1, 2].flatMap((before) => {
    const bits = (before + bytes.length) * 8;
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const core = text.slice(Math.ceil((before * 8) / 6), Math.floor(bits / 6));
    return [core, core.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [...new Set(forms)].filter(isLong);
}

export function hexFormsOf(secret: string): readonly string[] {
  const digits = Buffer.from(secret).toString('hex');
  return [digits, digits.toUpperCase()].filter(isLong);
}

const isLong = ({ length }: string): boolean => length >= SHORTEST_CODE;
