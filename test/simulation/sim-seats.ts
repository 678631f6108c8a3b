/** What a group's coordinator knows: who has each partition, in which generation, and what was committed. */
import type { CommittedOffset, PartitionId } from '../../src/ports/log.js';

export interface Seat<M> {
  readonly member: M;
  readonly generation: number;
  /** The last generation before it whose member has fetched; null when there is none. */
  readonly before: number | null;
  /** The member has fetched the committed offset: commits of those before it are refused from now on. */
  fetched: boolean;
}

export interface SimSeats<M> {
  /** By partition. */
  readonly seats: ReadonlyMap<number, Seat<M>>;
  committed(partition: number): CommittedOffset | null;
  /** Gives a partition to a member; null when it has it already. */
  give(partition: number, member: M): Seat<M> | null;
  /** Whether all of it was taken. @param generationOf under which the member believes that it has a partition */
  take(
    member: M,
    commits: readonly (PartitionId & CommittedOffset)[],
    generationOf: (partition: number) => number | undefined,
  ): boolean;
  forget(): void;
}

/** @param onCommit a replay point is about to be taken */
export function createSimSeats<M>(onCommit: (partition: PartitionId, committed: CommittedOffset) => void): SimSeats<M> {
  const seats = new Map<number, Seat<M>>();
  const offsets = new Map<number, CommittedOffset>();
  let generations = 0;

  /**
   * Of an older generation nothing is taken; only while the group rebalances may the member of just before still
   * commit.
   */
  function mayCommit(member: M, partition: number, generation: number | undefined): boolean {
    const current = seats.get(partition);
    if (current === undefined || generation === undefined) return false;
    if (current.member === member && current.generation === generation) return true;
    return !current.fetched && current.before === generation;
  }

  return {
    seats,
    committed: (partition) => offsets.get(partition) ?? null,
    give(partition, member) {
      const before = seats.get(partition);
      if (before?.member === member) return null;
      generations += 1;
      const last = before?.fetched === true ? before.generation : (before?.before ?? null);
      const seat = { member, generation: generations, before: last, fetched: false };
      seats.set(partition, seat);
      return seat;
    },
    take(member, commits, generationOf) {
      if (!commits.every(({ partition }) => mayCommit(member, partition, generationOf(partition)))) return false;
      for (const { topic, partition, offset, metadata } of commits) {
        onCommit({ topic, partition }, { offset, metadata });
        offsets.set(partition, { offset, metadata });
      }
      return true;
    },
    forget() {
      offsets.clear();
      seats.clear();
    },
  };
}
