/**
 * True uses of a listed word: { file, text, reason }. `text` is part of the line. An entry that matches nothing is an
 * error, so that the list does not outlive its reasons.
 */
export const ALLOWED = [];
