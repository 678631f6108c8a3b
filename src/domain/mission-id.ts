/** What a mission's id says: the coordination partition that holds its events, and when it was made. */
export interface MissionIdParts {
  readonly partition: number;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
}

export interface MissionIdInput {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Partition of the coordination topic, from 0. */
  readonly partition: number;
  /** A number of at least 0 and below 1. */
  random(): number;
}

/** Without 0, 1, i, l and o, which are mistaken for one another: ids are typed by hand. */
const SUFFIX_ALPHABET = '23456789abcdefghjkmnpqrstuvwxyz';
const SUFFIX_LENGTH = 4;
const PATTERN = /^(\d{4})(\d{2})(\d{2})-(\d{2})(\d{2})(\d{2})-(\d{3})-p(\d{2,6})-([2-9a-hjkmnp-z]{4})$/;
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * A new mission id, such as 20261123-141502-417-p05-x7k2: UTC time to the millisecond, so that ids sort by time,
 * the coordination partition, so that approve and cancel find the mission after partitions were added, and four
 * characters against collisions. Lowercase and safe as a directory name.
 * Throws RangeError for a time before 1970 or after 9999 and for a partition that is not a whole number below a
 * million.
 */
export function createMissionId({ nowMs, partition, random }: MissionIdInput): string {
  if (!Number.isInteger(nowMs) || nowMs < 0 || nowMs > LATEST_MS) {
    throw new RangeError(`a mission id needs a time in whole milliseconds between 1970 and 9999, not ${nowMs}`);
  }
  if (!Number.isInteger(partition) || partition < 0 || partition > 999_999) {
    throw new RangeError(`a mission id needs a partition from 0 to 999999, not ${partition}`);
  }
  const [date = '', time = ''] = new Date(nowMs).toISOString().split('T');
  const [clock = '', millis = ''] = time.replace('Z', '').split('.');
  return [date.replaceAll('-', ''), clock.replaceAll(':', ''), millis, `p${twoDigits(partition)}`, suffix(random)].join(
    '-',
  );
}

/** The parts of a mission id, or null when the text is not exactly one that createMissionId could have made. */
export function parseMissionId(id: string): MissionIdParts | null {
  const match = PATTERN.exec(id);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, millis, partitionText = ''] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${millis}Z`;
  const timeMs = Date.parse(iso);
  // Date.parse takes 31 February for 3 March: only what prints as itself is a time.
  if (Number.isNaN(timeMs) || timeMs < 0 || new Date(timeMs).toISOString() !== iso) return null;
  const partition = Number(partitionText);
  return twoDigits(partition) === partitionText ? { partition, timeMs } : null;
}

function twoDigits(partition: number): string {
  return String(partition).padStart(2, '0');
}

function suffix(random: () => number): string {
  const character = () => SUFFIX_ALPHABET.charAt(Math.floor(random() * SUFFIX_ALPHABET.length));
  return Array.from({ length: SUFFIX_LENGTH }, character).join('');
}
