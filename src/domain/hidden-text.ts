/**
 * Unicode's tag characters (U+E0000 to U+E007F) mirror ASCII and are not drawn. A person reads nothing where a model
 * reads an instruction. They become visible; only the flags of regions that are made of them stay
 * (Unicode Technical Standard 51, emoji tag sequences).
 */
const FLAG = String.raw`\u{1F3F4}[\u{E0030}-\u{E0039}\u{E0061}-\u{E007A}]{3,6}\u{E007F}`;
const TAGS = String.raw`[\u{E0000}-\u{E007F}]+`;
const FLAG_OR_TAGS = new RegExp(`${FLAG}|${TAGS}`, 'gu');
/** The first half of each tag character in UTF-16. */
const SIGN = '\uDB40';

/** The text with its tag characters as `[hidden: …]`; what they say is kept as letters, digits and spaces. */
export function showHidden(text: string): string {
  if (!text.includes(SIGN)) return text;
  return text.replace(FLAG_OR_TAGS, (found) => (found.startsWith('\u{1F3F4}') ? found : `[hidden: ${asciiOf(found)}]`));
}

const asciiOf = (tags: string): string =>
  Array.from(tags, (tag) => String.fromCharCode((tag.codePointAt(0) ?? 0) & 0x7f))
    .join('')
    .replaceAll(/[^A-Za-z0-9 ]/g, '?');
