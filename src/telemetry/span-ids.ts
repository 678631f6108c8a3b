import { createHash } from 'node:crypto';

/** Ids of spans and traces from what names them: the same in every process (src/domain/spans.ts). */
export const spanIdOf = (seed: string): string => digest(seed, 16);
export const traceIdOf = (missionId: string): string => digest(missionId, 32);

const digest = (text: string, hexDigits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, hexDigits);
