import type { MissionReport } from '../domain/report.js';
import { oneLine } from './text-width.js';

/** For what a mission waits, and until when. On one line. */
export const waitsText = ({ reason, until }: NonNullable<MissionReport['waits_for']>): string =>
  `waits: ${oneLine(reason)}; until ${until}, or until its orchestrators start with a higher cap`;

/** Who has paused a mission, when and why. On one line. */
export const pauseText = ({ by, reason, at }: NonNullable<MissionReport['pause']>): string =>
  `paused by ${oneLine(by)} at ${at}: ${oneLine(reason)}`;
