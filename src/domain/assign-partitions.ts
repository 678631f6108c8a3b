/** What is assigned. */
interface Partition {
  readonly topic: string;
  readonly partition: number;
}

/** A member of a consumer group: what it subscribed to, and what it holds now. */
export interface AssignedMember {
  readonly id: string;
  readonly topics: readonly string[];
  readonly held: readonly Partition[];
  /** It wants nothing but what it says it holds, and gets that where no other member holds it. */
  readonly only?: boolean;
}

/**
 * Assigns partitions to the members of a group: evenly, and moving as few as possible, because a partition that
 * moves takes its open tasks to another worker, which has to take each of them over. The same input gives the same
 * result. A partition that no member subscribed to is left out.
 */
export function assignPartitions(
  partitions: readonly Partition[],
  members: readonly AssignedMember[],
): ReadonlyMap<string, readonly Partition[]> {
  const ordered = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  // Members are their indexes here: a group of a thousand gets thousands of partitions while it is paused.
  const assigned: Partition[][] = ordered.map(() => []);
  const table: Table = {
    assigned,
    sharing: assigned.filter((_, member) => !ordered[member]?.only),
    subscribers: subscribersOf(ordered),
  };
  const keepers = keepersOf(ordered, 'sharing');
  const pickers = keepersOf(ordered, 'only');
  const homeless: Partition[] = [];
  for (const partition of [...partitions].sort(byName)) {
    const keeper = keepers.get(nameOf(partition)) ?? pickers.get(nameOf(partition));
    if (keeper !== undefined && ordered[keeper]?.topics.includes(partition.topic))
      table.assigned[keeper]?.push(partition);
    else homeless.push(partition);
  }
  for (const partition of homeless) shortest(table, partition.topic)?.push(partition);
  while (moveOne(table));
  return new Map(ordered.map(({ id }, member) => [id, table.assigned[member] ?? []]));
}

interface Table {
  /** By member. */
  readonly assigned: readonly Partition[][];
  /** Those of them between which partitions are evened out. */
  readonly sharing: readonly Partition[][];
  /** Members with a share that have subscribed to a topic, in order. */
  readonly subscribers: ReadonlyMap<string, readonly number[]>;
}

/** The shortest list of those that a partition of the topic may go to. */
function shortest({ assigned, subscribers }: Table, topic: string): Partition[] | undefined {
  let best: Partition[] | undefined;
  for (const member of subscribers.get(topic) ?? []) {
    const list = assigned[member];
    if (list !== undefined && (best === undefined || list.length < best.length)) best = list;
  }
  return best;
}

/** Moves one partition from a member to another that has at least two fewer; false when there is none such. */
function moveOne(table: Table): boolean {
  const takers = new Map<string, Partition[] | undefined>();
  const takerOf = (topic: string) => {
    if (!takers.has(topic)) takers.set(topic, shortest(table, topic));
    return takers.get(topic);
  };
  for (const list of [...table.sharing].sort((a, b) => b.length - a.length)) {
    for (let index = list.length - 1; index >= 0; index -= 1) {
      const partition = list[index];
      const taker = partition && takerOf(partition.topic);
      if (!taker || list.length - taker.length < 2) continue;
      list.splice(index, 1);
      taker.push(partition);
      return true;
    }
  }
  return false;
}

function subscribersOf(members: readonly AssignedMember[]): Map<string, number[]> {
  const subscribers = new Map<string, number[]>();
  members.forEach(({ topics, only }, member) => {
    for (const topic of only ? [] : topics) {
      const known = subscribers.get(topic) ?? [];
      known.push(member);
      subscribers.set(topic, known);
    }
  });
  return subscribers;
}

/** Who holds a partition now. Of two that say so the first by id keeps it. */
function keepersOf(members: readonly AssignedMember[], which: 'sharing' | 'only'): ReadonlyMap<string, number> {
  const keepers = new Map<string, number>();
  members.forEach(({ held, only = false }, member) => {
    if (only !== (which === 'only')) return;
    for (const partition of held) {
      const name = nameOf(partition);
      if (!keepers.has(name)) keepers.set(name, member);
    }
  });
  return keepers;
}

function nameOf({ topic, partition }: Partition): string {
  return `${topic} ${partition}`;
}

function byName(a: Partition, b: Partition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}
