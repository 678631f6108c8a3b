/** What came of the copy of an artifact that no source had. */
import { isWorker } from './artifact-source.js';
import type { NotServed } from './serving-workers.js';

/**
 * copied: written. same: a file with this content was there. other: another file is there. changed: the file in the
 * workspace is another one now, or has been removed. refused: it cannot be read or written. unreachable: no process
 * serves it now.
 */
export type CopyOutcome = 'copied' | 'same' | 'other' | 'changed' | 'refused' | 'unreachable';

export interface CopyResult {
  readonly outcome: CopyOutcome;
  /** What it was read from: the volume, or a process; null: it was not copied. */
  readonly from: string | null;
  /** Why it was not copied; null: it was, or was there. */
  readonly why: string | null;
}

export interface Fault extends NotServed {
  /** The name of the source. */
  readonly from: string;
}

/**
 * One place that has looked at the file says more than all that cannot be reached. What lies at its path on another
 * computer than its own may be something else.
 * @param here the name of this computer
 */
export function outcomeOf(
  { host, place }: { readonly host: string; readonly place: string },
  faults: readonly Fault[],
  here: string,
): CopyResult {
  const where = `on ${host}: ${place}`;
  const mayKnow = ({ from }: Fault): boolean => isWorker(from) || host === here;
  const said =
    faults.find((fault) => fault.kind === 'changed' && mayKnow(fault)) ?? faults.find(({ kind }) => kind === 'refused');
  if (said?.kind === 'changed')
    return { outcome: 'changed', from: null, why: `${where}: ${said.why} (since its task ended)` };
  const asked = faults
    .filter(({ from, kind }) => isWorker(from) || kind === 'changed')
    .map(({ from, why }) => `; ${from}: ${why}`);
  return { outcome: said?.kind ?? 'unreachable', from: null, why: `${where}${asked.join('')}` };
}
