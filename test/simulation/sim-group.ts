/**
 * A consumer group whose members learn late of what has changed: its coordinator knows who has each partition, each
 * member what it last learned. Two may believe that they hold the same partition, and a paused one for hours.
 */
import { readPartition, type PartitionReader } from '../../src/memory/partition-reader.js';
import type { StoredPartition } from '../../src/memory/storage.js';
import type {
  Appended,
  CommittedOffset,
  GroupMember,
  GroupOptions,
  PartitionConsumer,
  PartitionId,
} from '../../src/ports/log.js';
import type { Faults } from './faults.js';
import type { SimProcess } from './sim-process.js';
import { createSimSeats, type Seat } from './sim-seats.js';
import type { System } from './system.js';
import type { World } from './world.js';

export interface SimGroup {
  readonly id: string;
  join(process: SimProcess, options: GroupOptions): Promise<GroupMember>;
  committed(partition: number): CommittedOffset | null;
  /** Gives a partition to another member, if there is one. */
  move(): void;
  /**
   * Members that have not spoken for the session timeout lose their partitions; partitions without a member get one.
   */
  expire(): void;
  /** What is committed, before a foreign tool has overwritten it. */
  replayPoint(partition: number): CommittedOffset | null;
  /** A foreign tool commits over a replay point, without the fold's state; a person restores it later. */
  overwrite(): void;
  /** The process's own record was acknowledged. */
  onOwn(process: SimProcess, appended: Appended): void;
  /** The topic was recreated: the committed offsets are lost. */
  forget(): void;
  /** Makes beliefs true: each partition has one live member, and no other member believes that it holds it. */
  settle(): void;
  /** Whether each partition is open at the member that has it. */
  isSettled(): boolean;
}

export interface SimGroupOptions {
  readonly id: string;
  readonly world: World;
  readonly faults: Faults;
  readonly system: System;
  /** Partitions of the group's one topic, as many as it has now. */
  partitions(): readonly StoredPartition[];
  /** A replay point is about to be taken. */
  onCommit(partition: PartitionId, committed: CommittedOffset): void;
  onDelivered(process: SimProcess, partition: PartitionId, nextOffset: number): void;
  /** The process may die now. */
  moment(process: SimProcess): void;
}

interface Belief {
  generation: number;
  /** The news of its loss is on its way; a paused member receives it late, but once. */
  isToldOfLoss: boolean;
  /** Highest offset that it has found committed or has tried to commit. */
  committedOffset: number;
  readonly consumer: PartitionConsumer;
  readonly reader: PartitionReader;
}

interface Member {
  readonly process: SimProcess;
  readonly options: GroupOptions;
  readonly beliefs: Map<number, Belief>;
  left: boolean;
  stalledSinceMs: number | null;
}

const SESSION_TIMEOUT_MS = 10_000;

export function createSimGroup({
  id,
  world,
  faults,
  system,
  partitions,
  onCommit,
  onDelivered,
  moment,
}: SimGroupOptions): SimGroup {
  const { random } = world;
  const members = new Set<Member>();
  const { seats, committed: committedAt, give, take, forget } = createSimSeats<Member>(onCommit);

  const live = () => [...members].filter((member) => !member.left && member.process.isAlive() && !isExpired(member));
  const isExpired = (member: Member) =>
    member.stalledSinceMs !== null && world.now() - member.stalledSinceMs > SESSION_TIMEOUT_MS;

  function seat(partition: number, member: Member): void {
    const before = seats.get(partition);
    const current = give(partition, member);
    if (current === null) return;
    world.tell(
      () =>
        `${id}[${partition}] is given to ${member.process.id}` +
        `${before === undefined ? '' : `, no longer ${before.member.process.id}`}`,
    );
    if (before !== undefined && !before.member.left) {
      const lag = faults.on('move') ? random.pick([1, 50, 2_000, 60_000]) : 5;
      before.member.process.later(random.next() * lag, () => learn(partition, before.member));
    }
    member.process.later(random.delayMs(faults.on('move') ? random.pick([3, 3, 200]) : 3), () =>
      fetch(partition, current),
    );
  }

  /** A former member hears that the partition is not its own. */
  function learn(partition: number, member: Member): void {
    if (seats.get(partition)?.member === member) return;
    closeBelief(member, partition);
  }

  function closeBelief(member: Member, partition: number): void {
    const belief = member.beliefs.get(partition);
    if (belief === undefined) return;
    member.beliefs.delete(partition);
    belief.reader.stop();
    world.tell(() => `${member.process.id} closes ${id}[${partition}]`);
    guarded(member, () => belief.consumer.onClosed());
  }

  function fetch(partition: number, current: Seat<Member>): void {
    const { member } = current;
    if (seats.get(partition) !== current || member.left) return;
    const believed = member.beliefs.get(partition);
    if (believed !== undefined) {
      // It never heard that it had lost it, and continues unless another member has committed meanwhile.
      if (random.chance(0.5) && goesOn(believed, current, committedAt(partition))) {
        current.fetched = true;
        return;
      }
      closeBelief(member, partition);
    }
    current.fetched = true;
    const committed = committedAt(partition);
    const logStart = partitions()[partition]?.low() ?? 0;
    member.process.later(random.delayMs(1), () => open(partition, current, committed, logStart));
  }

  /** What a member has opened may become what the group has given it since, unless another has committed further. */
  function goesOn(believed: Belief, current: Seat<Member>, committed: CommittedOffset | null): boolean {
    if (committed !== null && committed.offset > believed.committedOffset) return false;
    believed.generation = Math.max(believed.generation, current.generation);
    return true;
  }

  function open(partition: number, current: Seat<Member>, committed: CommittedOffset | null, logStart: number): void {
    const { member } = current;
    const stored = partitions()[partition];
    if (member.left || stored === undefined) return;
    const believed = member.beliefs.get(partition);
    if (believed !== undefined && goesOn(believed, current, committed)) return;
    if (believed !== undefined) closeBelief(member, partition);
    moment(member.process);
    if (!member.process.isAlive()) return;
    world.tell(() => `${member.process.id} opens ${id}[${partition}] at ${committed?.offset ?? 'the beginning'}`);
    guarded(member, () => {
      const consumer = member.options.open({
        topic: stored.topic,
        partition,
        committed,
        logStart,
        logEnd: stored.high(),
      });
      const schedule = (callback: () => void) => void member.process.later(deliveryMs(), callback);
      const reader = readPartition(stored, committed?.offset ?? logStart, schedule, {
        onRecords(records) {
          onDelivered(member.process, stored, (records.at(-1)?.offset ?? -1) + 1);
          consumer.onRecords(records);
          // Folded, and what it allows is about to be done.
          moment(member.process);
        },
        onUnreadable: ({ offset }, reason) => consumer.onBlocked(offset, reason),
        onReadable: () => consumer.onUnblocked(),
        onGap: () => meetGap(partition, member),
        onError: (error) => member.options.onFatal(error),
      });
      member.beliefs.set(partition, {
        generation: current.generation,
        isToldOfLoss: false,
        committedOffset: committed?.offset ?? 0,
        consumer,
        reader,
      });
      moment(member.process);
    });
  }

  /** Deleted records were handled by a member that held the partition meanwhile; otherwise they are lost. */
  function meetGap(partition: number, member: Member): void {
    const belief = member.beliefs.get(partition);
    if (belief === undefined) return;
    if ((committedAt(partition)?.offset ?? 0) <= belief.committedOffset)
      return member.options.onFatal(new Error(`${id}[${partition}]: records were deleted before they were read`));
    closeBelief(member, partition);
    const current = seats.get(partition);
    if (current?.member === member) fetch(partition, current);
  }

  const deliveryMs = () =>
    faults.on('delay') && random.chance(0.02) ? random.next() * random.pick([500, 10_000]) : random.delayMs(1);

  function guarded(member: Member, work: () => void): void {
    try {
      work();
    } catch (error) {
      member.options.onFatal(error instanceof Error ? error : new Error(String(error)));
    }
  }

  function commit(
    member: Member,
    commits: readonly (PartitionId & CommittedOffset)[],
  ): Promise<readonly PartitionId[]> {
    for (const { partition, offset } of commits) {
      const belief = member.beliefs.get(partition);
      if (belief !== undefined) belief.committedOffset = Math.max(belief.committedOffset, offset);
    }
    const generationOf = new Map(
      commits.map(({ partition }) => [partition, member.beliefs.get(partition)?.generation]),
    );
    return new Promise((resolve, reject) => {
      world.at(random.delayMs(2), () => {
        const lost = faults.on('commit') && random.chance(0.1);
        const taken =
          (!lost || random.chance(0.5)) && take(member, commits, (partition) => generationOf.get(partition));
        moment(member.process);
        member.process.later(random.delayMs(1), () =>
          taken && !lost ? resolve(commits) : reject(new system.CommitRefused('the coordinator did not take it')),
        );
      });
    });
  }

  function expire(): void {
    for (const member of members) {
      member.stalledSinceMs = member.process.isStalled() ? (member.stalledSinceMs ?? world.now()) : null;
    }
    const candidates = live();
    if (candidates.length === 0) return;
    for (const { partition } of partitions()) {
      const current = seats.get(partition);
      if (current === undefined || !candidates.includes(current.member)) seat(partition, random.pick(candidates));
    }
  }

  function leave(member: Member): void {
    member.left = true;
    for (const partition of [...member.beliefs.keys()]) closeBelief(member, partition);
    members.delete(member);
    world.at(5, expire);
  }

  return {
    id,
    expire,
    forget,
    committed: committedAt,
    replayPoint: committedAt,
    // Its members take every replay point; those of a reading group do not.
    overwrite: () => undefined,
    // They fetch everything.
    onOwn: () => undefined,
    join(process, options) {
      const member: Member = { process, options, beliefs: new Map(), left: false, stalledSinceMs: null };
      process.onDeath(() => {
        world.at(SESSION_TIMEOUT_MS, () => {
          member.left = true;
          members.delete(member);
          expire();
        });
      });
      return new Promise((resolve) => {
        process.later(random.delayMs(5), () => {
          members.add(member);
          world.at(1, expire);
          if (members.size > 1) world.at(random.delayMs(5), () => giveShare(member));
          resolve({
            commit: (commits) => commit(member, commits),
            isAssigned: ({ partition }) => member.beliefs.has(partition) && !member.left,
            health: () => ({ silentMs: 0, opening: [], setApart: [] }),
            leave: async () => leave(member),
          });
        });
      });
    },
    move() {
      const candidates = live();
      const all = partitions();
      if (candidates.length > 0 && all.length > 0) seat(random.pick(all).partition, random.pick(candidates));
    },
    settle() {
      expire();
      for (const member of members) {
        for (const [partition, belief] of member.beliefs) {
          if (belief.isToldOfLoss || seats.get(partition)?.member === member) continue;
          belief.isToldOfLoss = true;
          member.process.later(1, () => {
            belief.isToldOfLoss = false;
            learn(partition, member);
          });
        }
      }
      for (const [partition, current] of seats) {
        if (current.member.process.isAlive() && !current.member.beliefs.has(partition))
          current.member.process.later(2, () => fetch(partition, current));
      }
    },
    isSettled: () =>
      [...seats].every(
        ([partition, { member }]) => member.process.isAlive() && !member.left && member.beliefs.has(partition),
      ),
  };

  /** A member that joins gets some of the partitions. */
  function giveShare(member: Member): void {
    if (member.left || !member.process.isAlive()) return;
    for (const { partition } of partitions()) {
      if (random.chance(1 / members.size)) seat(partition, member);
    }
  }
}
