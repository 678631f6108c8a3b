/** The arguments by which status lists missions. Each throws InvalidArgumentError, with what can be given instead. */
import { InvalidArgumentError } from 'commander';
import { hasEnded, type MissionStatus } from '../domain/report.js';
import { ageMs } from './age-argument.js';

const STATUSES: readonly MissionStatus[] = [
  'planning',
  'waiting_for_approval',
  'running',
  'needs_attention',
  'paused',
  'completed',
  'failed',
  'cancelled',
];
const ENDED = STATUSES.filter(hasEnded);
const OPEN = STATUSES.filter((status) => !hasEnded(status));

export const STATUS_WORDS = [...STATUSES, 'open', 'ended'].join(', ');

/** Names with commas; may be given several times. open and ended mean several. */
export function statusesArgument(text: string, before: readonly MissionStatus[] = []): readonly MissionStatus[] {
  return [...before, ...text.split(',').flatMap((word) => statusesOf(word.trim()))];
}

function statusesOf(word: string): readonly MissionStatus[] {
  const name = word.toLowerCase().replaceAll(/[- ]/g, '_');
  if (name === 'open') return OPEN;
  if (name === 'ended') return ENDED;
  const status = STATUSES.find((each) => each === name);
  if (status === undefined) throw new InvalidArgumentError(`"${word}" is no status. Use ${STATUS_WORDS}.`);
  return [status];
}

/** Where a list begins: so long ago, at a time, or at the log's beginning. */
export type Since =
  | { readonly kind: 'age'; readonly ageMs: number }
  | { readonly kind: 'time'; readonly timeMs: number }
  | { readonly kind: 'all' };

/** A day, or a time with its zone: without one people and computers would mean different times. */
const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

export function sinceArgument(text: string): Since {
  if (text === 'all') return { kind: 'all' };
  const age = ageMs(text);
  if (age !== null) return { kind: 'age', ageMs: age };
  const timeMs = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return { kind: 'time', timeMs };
  throw new InvalidArgumentError(
    'It must be an age such as 90m, 12h or 7d, a day (2026-11-30, from 0:00 UTC), a time with its zone ' +
      '(2026-11-30T15:00:00Z), or all.',
  );
}

/** An id, or its beginning: ids sort by their time. */
export function beforeArgument(text: string): string {
  if (/^\d{8}(-[0-9a-z]+)*$/.test(text)) return text;
  throw new InvalidArgumentError("It must be a mission's id, or the beginning of one from its day on (20261130).");
}
