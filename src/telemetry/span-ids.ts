import { hash } from 'node:crypto';

/** Ids of spans and traces from what names them: the same in every process (src/domain/spans.ts). */
export const spanIdOf = (seed: string): string => digest(seed, 16);

export function traceIdOf(missionId: string): string {
  const known = traces.get(missionId);
  if (known !== undefined) return known;
  if (traces.size >= MOST_KNOWN) traces.clear();
  const id = digest(missionId, 32);
  traces.set(missionId, id);
  return id;
}

/** Every span of a mission needs its trace's id, and there are few missions. */
const MOST_KNOWN = 1_000;
const traces = new Map<string, string>();

const digest = (text: string, hexDigits: number): string => hash('sha256', text, 'hex').slice(0, hexDigits);
