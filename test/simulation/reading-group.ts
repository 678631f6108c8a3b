/**
 * A consumer group whose members are the real reading machine. Its coordinator follows Kafka's rules: a rebalance waits
 * for members that are paused until their session ends, a commit counts for the current generation only, and a member
 * that was given up comes back under another id. News of a rebalance may be late: then two members believe that they
 * hold a partition.
 */
import { assignPartitions } from '../../src/domain/assign-partitions.js';
import type {
  CommittedOffset,
  GroupMember,
  GroupOptions,
  PartitionAssignment,
  PartitionId,
} from '../../src/ports/log.js';
import type { StoredPartition } from '../../src/memory/storage.js';
import type { SimGroup, SimGroupOptions } from './sim-group.js';
import type { SimProcess } from './sim-process.js';
import { createSimReader, type SimReader } from './sim-reader.js';
import type { Invariant } from './violation.js';

export interface ReadingGroupOptions extends SimGroupOptions {
  report(invariant: Invariant, detail: string): void;
}

interface Member {
  readonly process: SimProcess;
  readonly options: GroupOptions;
  readonly reader: SimReader;
  /** As the group knows it; another after it was given up. */
  id: string;
  /** The last one that it has learned of. */
  generation: number;
  left: boolean;
  stalledSinceMs: number | null;
}

const SESSION_TIMEOUT_MS = 10_000;
/** Until a rebalance looks again for members that are paused. */
const PATIENCE_MS = 1_000;

export function createReadingGroup(group: ReadingGroupOptions): SimGroup {
  const { id, world, faults, system, partitions, onCommit, moment } = group;
  const { random } = world;
  const { reading } = system;
  const members = new Set<Member>();
  const offsets = new Map<number, CommittedOffset>();
  /** What a foreign tool has overwritten, by partition. */
  const overwritten = new Map<number, CommittedOffset>();
  let generation = 0;
  let assigned = 0;
  let joined = 0;
  let isPlanned = false;
  let isShuffled = false;

  const committed = (partition: number) => offsets.get(partition) ?? null;
  const look = (stored: StoredPartition): PartitionAssignment => ({
    topic: stored.topic,
    partition: stored.partition,
    committed: committed(stored.partition),
    logStart: stored.low(),
    logEnd: stored.high(),
  });
  const isSilent = ({ process }: Member) => !process.isAlive() || process.isStalled();
  const nextId = () => `${id}-${String((joined += 1)).padStart(4, '0')}`;

  function plan(delayMs = random.delayMs(3)): void {
    if (isPlanned) return;
    isPlanned = true;
    world.at(delayMs, () => {
      isPlanned = false;
      rebalance();
    });
  }

  function rebalance(): void {
    if ([...members].some(isSilent)) return plan(PATIENCE_MS);
    if (members.size === 0) return;
    generation += 1;
    const all = partitions();
    assigned = all.length;
    for (const [member, share] of sharesOf(all)) {
      const current = generation;
      const lag = faults.on('move') ? random.pick([1, 50, 2_000]) : 5;
      world.tell(() => `${id} gives ${member.process.id} ${share.map(({ partition }) => partition).join(', ') || '-'}`);
      member.process.later(random.next() * lag, () => learn(member, current, share));
    }
    isShuffled = false;
  }

  function sharesOf(all: readonly StoredPartition[]): ReadonlyMap<Member, readonly PartitionId[]> {
    const list = [...members];
    if (isShuffled) {
      const owners = all.map(() => random.pick(list));
      return new Map(list.map((member) => [member, all.filter((_, index) => owners[index] === member)]));
    }
    const shares = assignPartitions(
      all,
      list.map((member) => ({
        id: member.id,
        topics: member.options.topics,
        held: reading.kept(member.reader.state()),
      })),
    );
    return new Map(list.map((member) => [member, shares.get(member.id) ?? []]));
  }

  function learn(member: Member, current: number, assignment: readonly PartitionId[]): void {
    if (member.left || current !== generation || !members.has(member)) return;
    member.generation = current;
    const places = assignment.map(({ topic, partition }) => ({ topic, partition }));
    member.reader.feed({ kind: 'joined', assignment: places, memberId: member.id, wallMs: world.now() });
  }

  function expire(): void {
    for (const member of [...members]) {
      member.stalledSinceMs = member.process.isStalled() ? (member.stalledSinceMs ?? world.now()) : null;
      if (member.stalledSinceMs === null || world.now() - member.stalledSinceMs <= SESSION_TIMEOUT_MS) continue;
      giveUp(member);
    }
    if (assigned !== partitions().length) plan();
  }

  /** It learns of it when it runs again, and joins as a new member. */
  function giveUp(member: Member): void {
    world.tell(() => `${id} gives ${member.process.id} up`);
    members.delete(member);
    plan();
    member.process.later(random.delayMs(3), () => {
      if (member.left) return;
      member.id = nextId();
      member.stalledSinceMs = null;
      members.add(member);
      plan();
    });
  }

  function remove(member: Member): void {
    member.left = true;
    if (members.delete(member)) plan();
  }

  function commit(
    member: Member,
    commits: readonly (PartitionId & CommittedOffset)[],
  ): Promise<readonly PartitionId[]> {
    const current = commits.filter((each) => reading.mayCommit(member.reader.state(), each));
    member.reader.feed({ kind: 'committing', commits: current });
    const sentAs = { id: member.id, generation: member.generation };
    return new Promise((resolve, reject) => {
      world.at(random.delayMs(2), () => {
        const lost = faults.on('commit') && random.chance(0.1);
        const isMember = members.has(member) && member.id === sentAs.id && sentAs.generation === generation;
        const taken = isMember && (!lost || random.chance(0.5));
        if (taken) for (const each of current) take(each);
        moment(member.process);
        member.process.later(random.delayMs(1), () =>
          taken && !lost ? resolve(current) : reject(new system.CommitRefused('the coordinator did not take it')),
        );
      });
    });
  }

  function take({ topic, partition, offset, metadata }: PartitionId & CommittedOffset): void {
    onCommit({ topic, partition }, { offset, metadata });
    offsets.set(partition, { offset, metadata });
    overwritten.delete(partition);
  }

  /** A person puts back what was overwritten, and the partition is given again: `ravenhelm recover` joins for it. */
  function restore(partition: number): void {
    const before = overwritten.get(partition);
    if (before === undefined) return;
    world.tell(() => `${id}[${partition}] is restored at ${before.offset}`);
    offsets.set(partition, before);
    overwritten.delete(partition);
    plan();
  }

  function join(process: SimProcess, options: GroupOptions): Promise<GroupMember> {
    return new Promise((resolve) => {
      const reader = createSimReader({
        ...group,
        process,
        options,
        look,
        onAccepted: () => resolve(membershipOf(member)),
      });
      const member: Member = {
        process,
        options,
        reader,
        id: nextId(),
        generation: 0,
        left: false,
        stalledSinceMs: null,
      };
      process.onDeath(() => world.at(SESSION_TIMEOUT_MS, () => remove(member)));
      process.later(random.delayMs(5), () => {
        members.add(member);
        plan();
      });
    });
  }

  function membershipOf(member: Member): GroupMember {
    const { reader } = member;
    return {
      commit: (commits) => commit(member, commits),
      isAssigned: (place) => reading.isAssigned(reader.state(), place),
      health: () => ({
        silentMs: 0,
        opening: reading.notOpen(reader.state()),
        setApart: reading.setApart(reader.state()),
      }),
      async leave() {
        reader.feed({ kind: 'left' });
        remove(member);
      },
    };
  }

  const holdersOf = (place: StoredPartition) =>
    [...members].filter(({ reader }) => reading.readable(reader.state(), place) !== null).length;

  return {
    id,
    expire,
    committed,
    join,
    replayPoint: (partition) => overwritten.get(partition) ?? committed(partition),
    forget() {
      offsets.clear();
      overwritten.clear();
      // A coordinator deletes nothing of a group that has members; a late commit of one that is gone is refused.
      generation += 1;
    },
    move() {
      isShuffled = true;
      plan();
    },
    onOwn(process, appended) {
      for (const member of members) if (member.process === process) member.reader.onOwn(appended);
    },
    overwrite() {
      const place = random.pick(partitions());
      const before = committed(place.partition);
      if (before === null || overwritten.has(place.partition)) return;
      const offset = random.pick([before.offset, place.high(), -2]);
      world.tell(() => `${id}[${place.partition}] is committed at ${offset} by a foreign tool`);
      overwritten.set(place.partition, before);
      offsets.set(place.partition, { offset, metadata: '' });
      isShuffled = true;
      plan();
      world.at(random.next() * random.pick([2_000, 30_000, 120_000]), () => restore(place.partition));
    },
    settle() {
      expire();
      for (const partition of [...overwritten.keys()]) restore(partition);
    },
    isSettled: () =>
      !isPlanned &&
      overwritten.size === 0 &&
      [...members].every((member) => !isSilent(member) && member.generation === generation) &&
      partitions().every((place) => holdersOf(place) === 1),
  };
}
