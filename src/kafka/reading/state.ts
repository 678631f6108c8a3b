/**
 * What a reader of topics knows: a member of a group, or a watch. Everything here is data; `step` makes the next state
 * of it, and the driver carries out what `step` asks for.
 */
import { partitionName, type AnyRecord, type PartitionId, type SetApart } from '../../ports/log.js';

export interface ReaderState {
  /** A watch is the only member of its group, commits nothing, and passes what it cannot read. */
  readonly kind: 'group' | 'watch';
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly session: Session;
  /** By partitionName. */
  readonly partitions: ReadonlyMap<string, Partition>;
  /** By topic: the question of where to read its new partitions from. One at a time. */
  readonly questions: ReadonlyMap<string, Question>;
  /** The last number that was given to a partition or a wait. */
  readonly lastId: number;
  /**
   * Watch: whether everything that was in the log at the start was delivered. Nothing is said before it has started.
   */
  readonly progress: 'starting' | 'behind' | 'caught_up';
}

/** How it goes with the group. */
export interface Session {
  /** As which member the group has accepted us last; null before the first time. */
  readonly memberId: string | null;
  /** The client takes seek, pause and resume; it throws at them while it restarts. */
  readonly running: boolean;
  readonly left: boolean;
  /** Passing failures since the last join. */
  readonly interruptions: number;
  /** Wall clock at the client's last heartbeat (ms since the epoch); null before the first since it has started. */
  readonly heartbeatAtMs: number | null;
}

export interface Partition extends PartitionId {
  /** Of this assignment: a partition that is lost and given again has another. */
  readonly id: number;
  readonly phase: Phase;
  /** Next offset to deliver. */
  readonly position: number;
  /** The lowest offset that the client may bring next; not above the position. */
  readonly expected: number;
  /** The client was sent to the position, and nothing has come from there yet. */
  readonly awaitingSeek: boolean;
  /**
   * The group had given this member up: another may have had the partition. Neither read nor committed until that is
   * known.
   */
  readonly ownershipUnverified: boolean;
  /** Highest offset that this member has found committed or has tried to commit. */
  readonly committedOffset: number;
  /** How often in a row, without a record between them, it was asked where the log begins and ends. */
  readonly lookups: number;
  /** Why the partition cannot be read for now, as its consumer knows. */
  readonly blockedReason: string | null;
  /** Watch: reached when everything that was there at the start has been delivered. */
  readonly target: number;
}

export type Phase =
  /** Paused until its committed offset is known. */
  | { readonly name: 'opening' }
  /** Paused while its consumer is being opened. */
  | { readonly name: 'starting' }
  | { readonly name: 'reading' }
  /** Paused before a record. The ticket says which answer is waited for. */
  | { readonly name: 'waiting'; readonly ticket: number; readonly wants: Wants }
  /** Paused: its consumer threw. */
  | { readonly name: 'stopped' }
  /** Paused and closed: records were lost. The others continue. */
  | { readonly name: 'set_apart'; readonly reason: string };

export type Wants =
  | { readonly kind: 'schema'; readonly schemaId: number; readonly record: Unread; readonly attempt: number }
  /** Where the log begins and ends; next is the offset to continue at when nothing is lost. */
  | { readonly kind: 'bounds'; readonly next: number; readonly attempt: number }
  /** Reading continues after a pause. */
  | { readonly kind: 'pause' }
  /** This build can never read the record; another assignment of the partition may be to one that can. */
  | { readonly kind: 'another_build' };

/** A record whose content could not be decoded. */
export type Unread = Omit<AnyRecord, 'content'>;

export interface Question {
  /** As which member it was asked: an answer counts for that one only. */
  readonly askedAs: string | null;
  /** The ids of the partitions that it was asked for. */
  readonly ids: ReadonlySet<number>;
  readonly failures: number;
}

export interface StartingPoint extends PartitionId {
  readonly position: number;
  readonly target: number;
}

const NO_SESSION: Session = {
  memberId: null,
  running: false,
  left: false,
  interruptions: 0,
  heartbeatAtMs: null,
};

/** A member that has not joined its group yet. */
export function groupReader(groupId: string, topics: readonly string[]): ReaderState {
  return {
    kind: 'group',
    groupId,
    topics,
    session: NO_SESSION,
    partitions: new Map(),
    questions: new Map(),
    lastId: 0,
    progress: 'starting',
  };
}

/** A watch before its first fetch. */
export function watchReader(groupId: string, topics: readonly string[], starts: readonly StartingPoint[]): ReaderState {
  return {
    ...groupReader(groupId, topics),
    kind: 'watch',
    partitions: new Map(
      starts.map(({ position, target, ...place }, index) => [
        partitionName(place),
        { ...newPartition(place, index + 1), phase: { name: 'reading' }, position, expected: position, target },
      ]),
    ),
    lastId: starts.length,
  };
}

export function newPartition({ topic, partition }: PartitionId, id: number): Partition {
  return {
    topic,
    partition,
    id,
    phase: { name: 'opening' },
    position: 0,
    expected: 0,
    awaitingSeek: false,
    ownershipUnverified: false,
    committedOffset: 0,
    lookups: 0,
    blockedReason: null,
    target: 0,
  };
}

/** The partition where its records are read now, and by whom is not in doubt; null otherwise. */
export function readable(state: ReaderState, place: PartitionId): Partition | null {
  const entry = state.partitions.get(partitionName(place));
  return entry !== undefined && entry.phase.name === 'reading' && !entry.ownershipUnverified ? entry : null;
}

export function isAssigned(state: ReaderState, place: PartitionId): boolean {
  return state.partitions.has(partitionName(place));
}

/**
 * What this member wants to keep at the next rebalance; a partition that is set apart may go to the member that
 * recovers it.
 */
export function kept(state: ReaderState): readonly PartitionId[] {
  return [...state.partitions.values()].filter(({ phase }) => phase.name !== 'set_apart').map(placeOf);
}

/** Assigned, but not open yet, or stopped. */
export function notOpen(state: ReaderState): readonly PartitionId[] {
  return [...state.partitions.values()]
    .filter(({ phase }) => phase.name === 'opening' || phase.name === 'starting' || phase.name === 'stopped')
    .map(placeOf);
}

export function setApart(state: ReaderState): readonly SetApart[] {
  return [...state.partitions.values()].flatMap((entry) =>
    entry.phase.name === 'set_apart' ? [{ ...placeOf(entry), offset: entry.position, reason: entry.phase.reason }] : [],
  );
}

/** Whether this member may commit for the partition now. */
export function mayCommit(state: ReaderState, place: PartitionId): boolean {
  const entry = state.partitions.get(partitionName(place));
  return entry !== undefined && !entry.ownershipUnverified && entry.phase.name !== 'set_apart';
}

export function placeOf({ topic, partition }: PartitionId): PartitionId {
  return { topic, partition };
}
