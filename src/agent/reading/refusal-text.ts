/** What a model learns about a reply that cannot be read. */
import type { Cut, Wrong } from './cursor.js';

/** Characters around the place of a fault. */
const SHOWN = 40;

export function faultText(
  fault: Cut | Wrong,
  text: string,
  form: string,
): { readonly fault: 'cut' | 'not_json'; readonly reason: string } {
  if (fault.kind === 'cut') return { fault: 'cut', reason: endsInside(`it ends inside ${fault.inside}`) };
  const near = JSON.stringify(text.slice(Math.max(0, fault.at - SHOWN / 2), fault.at + SHOWN / 2));
  return { fault: 'not_json', reason: `the reply is not JSON: ${fault.what}, near ${near}; ${form}` };
}

/** @param detail how it was cut, with the numbers that are known */
export function endsInside(detail: string): string {
  return (
    `the reply was cut (${detail}), and nothing of it was done. Be shorter this time: think less, keep the thought ` +
    'to one sentence, and write a long file in several parts, one part a reply'
  );
}
