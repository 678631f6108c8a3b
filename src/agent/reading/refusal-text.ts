/** What a model learns about a reply that cannot be read. */
import type { CutWhy } from '../../ports/model.js';
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

const SHORTER =
  'Be shorter this time: think less, keep the thought to one sentence, and write a long file in several parts, ' +
  'one part a reply';
const AGAIN = 'It is not the fault of your reply: give the same one again, whole';

/** What the model can do differently, by why its reply was cut. */
const ADVICE: Readonly<Record<CutWhy, string>> = {
  output_limit: SHORTER,
  only_thinking: 'Think much less this time: after a few sentences of thinking, write the reply itself',
  context_full: `The conversation leaves little room for a reply. ${SHORTER}, and read less of a file at a time`,
  not_loaded: AGAIN,
  filtered: 'Say it in other words this time, and quote less of what you have read',
  interrupted: AGAIN,
};

/**
 * @param detail how it was cut, with the numbers that are known
 * @param why as the server says; absent: only the text shows that it was cut
 */
export function endsInside(detail: string, why: CutWhy = 'output_limit'): string {
  return `the reply was cut (${detail}), and nothing of it was done. ${ADVICE[why]}`;
}
