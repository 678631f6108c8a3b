/** Replay point of a tasks partition: where its next holder must start to fold, and with what. */
import { DataLoss, METADATA_LIMIT_BYTES, type ReplayPoint } from './record.js';
import { withoutInstructions } from './task-instructions.js';
import type { Marks, TaskAttempt, TaskPartitionState, TaskSnapshot } from './task-partition.js';

/**
 * The first record of the oldest attempt that is not settled, else the position. An attempt is settled when it was
 * cancelled, or when its result was acknowledged on the coordination topic (as told by isAcknowledged), and when what
 * belongs to its trace was sent (isTraced).
 * null when the metadata would not fit: then the replay point waits.
 */
export function taskReplayPoint(
  state: TaskPartitionState,
  isAcknowledged: (attemptKey: string) => boolean,
  isTraced: (attemptKey: string) => boolean = () => true,
): ReplayPoint | null {
  let offset = state.position;
  let snapshot: TaskSnapshot = { holder: state.holder, marks: state.marks };
  const oldest = firstUnsettled(state, isAcknowledged, isTraced);
  if (oldest !== undefined) {
    offset = oldest.firstOffset;
    snapshot = oldest.before;
  }
  const metadata = encodeTaskSnapshot(snapshot);
  return metadata.length > METADATA_LIMIT_BYTES ? null : { offset, metadata };
}

/** Attempts are in log order, so the walk ends at the oldest however many wait behind it. */
function firstUnsettled(
  state: TaskPartitionState,
  isAcknowledged: (attemptKey: string) => boolean,
  isTraced: (attemptKey: string) => boolean,
): TaskAttempt | undefined {
  for (const attempt of state.attempts.values()) {
    if (!isSettled(attempt, isAcknowledged, isTraced)) return attempt;
  }
  return undefined;
}

function isSettled(
  attempt: TaskAttempt,
  isAcknowledged: (attemptKey: string) => boolean,
  isTraced: (attemptKey: string) => boolean,
): boolean {
  if (attempt.status === 'open') return false;
  if (!isTraced(attempt.key)) return false;
  return attempt.status === 'cancelled' || isAcknowledged(attempt.key);
}

/**
 * Forgets attempts that no replay from this offset will meet; the marks keep their assignments from being taken
 * again.
 */
export function forgetSettled(
  state: TaskPartitionState,
  replayOffset: number,
  isAcknowledged: (attemptKey: string) => boolean,
  isTraced: (attemptKey: string) => boolean = () => true,
): string[] {
  const forgotten: string[] = [];
  for (const attempt of state.attempts.values()) {
    if (attempt.firstOffset >= replayOffset) break;
    if (!isSettled(attempt, isAcknowledged, isTraced)) continue;
    state.attempts.delete(attempt.key);
    forgotten.push(attempt.key);
  }
  return forgotten;
}

/**
 * Forgets what nothing asks of an ended attempt any more while an older open one holds the replay point back: its
 * journal and its instructions, and its result once that was acknowledged. What keeps it from being taken again stays.
 * Nothing may still be running of it.
 */
export function forgetJournal(
  state: TaskPartitionState,
  key: string,
  isAcknowledged: (attemptKey: string) => boolean,
): void {
  const attempt = state.attempts.get(key);
  if (attempt === undefined || attempt.status === 'open') return;
  const assignment = { ...withoutInstructions(attempt.assignment), brief: '' };
  state.attempts.set(key, {
    ...attempt,
    assignment,
    steps: [],
    waiting: null,
    result: isAcknowledged(key) ? null : attempt.result,
  });
}

export function encodeTaskSnapshot({ holder, marks }: TaskSnapshot): string {
  return asciiJson({ v: 1, h: holder === null ? null : [holder.owner, holder.claimOffset], m: marks });
}

/** JSON in ASCII only, so that its length is its size in bytes, whatever a foreign writer's claim is called. */
export function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** @throws DataLoss when the text is not what encodeTaskSnapshot writes. */
export function decodeTaskSnapshot(metadata: string): TaskSnapshot {
  const parsed = parseObject(metadata);
  const { v, h, m } = parsed;
  if (v !== 1 || !isMarks(m))
    throw new DataLoss(`the committed metadata is not a tasks fold: ${metadata.slice(0, 80)}`);
  return { holder: decodeHolder(h, metadata), marks: m };
}

export function decodeHolder(value: unknown, metadata: string): TaskSnapshot['holder'] {
  if (value === null) return null;
  if (Array.isArray(value) && typeof value[0] === 'string' && typeof value[1] === 'number') {
    return { owner: value[0], claimOffset: value[1] };
  }
  throw new DataLoss(`the committed metadata names no holder: ${metadata.slice(0, 80)}`);
}

export function parseObject(metadata: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(metadata);
    if (typeof parsed === 'object' && parsed !== null) return { ...parsed };
  } catch {
    // falls through to the one error below: whatever it is, it is not ours
  }
  throw new DataLoss(`the committed metadata is not readable: ${metadata.slice(0, 80)}`);
}

function isMarks(value: unknown): value is Marks {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((offset) => typeof offset === 'number')
  );
}
