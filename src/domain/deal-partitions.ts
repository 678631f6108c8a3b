/** A partition, as the dealing sees it. */
interface Partition {
  readonly topic: string;
  readonly partition: number;
}

/** A member of a consumer group: what it subscribed to, and what it holds now. */
export interface DealtMember {
  readonly id: string;
  readonly topics: readonly string[];
  readonly held: readonly Partition[];
}

/**
 * Deals partitions out to the members of a group: evenly, and moving as few as possible, because a partition that
 * moves takes its open tasks to another worker, which has to take each of them over. The same input gives the same
 * result. A partition that no member subscribed to is left out.
 */
export function dealPartitions(partitions: readonly Partition[], members: readonly DealtMember[]): ReadonlyMap<string, readonly Partition[]> {
  const ordered = [...members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const hands = new Map<DealtMember, Partition[]>(ordered.map((member) => [member, []]));
  const keepers = keepersOf(ordered);

  const loadOf = (member: DealtMember) => hands.get(member)?.length ?? 0;
  const lightest = (topic: string) => leastLoaded(ordered.filter((member) => member.topics.includes(topic)), loadOf);

  const homeless: Partition[] = [];
  for (const partition of [...partitions].sort(byName)) {
    const keeper = keepers.get(nameOf(partition));
    if (keeper?.topics.includes(partition.topic)) hands.get(keeper)?.push(partition);
    else homeless.push(partition);
  }
  for (const partition of homeless) {
    const member = lightest(partition.topic);
    if (member) hands.get(member)?.push(partition);
  }
  while (moveOne(hands, lightest, loadOf));
  return new Map([...hands].map(([member, hand]) => [member.id, hand]));
}

/** Moves one partition from a member to another that has at least two fewer; false when there is none such. */
function moveOne(
  hands: ReadonlyMap<DealtMember, Partition[]>,
  lightest: (topic: string) => DealtMember | undefined,
  loadOf: (member: DealtMember) => number,
): boolean {
  const heaviestFirst = [...hands].sort(([, a], [, b]) => b.length - a.length);
  for (const [member, hand] of heaviestFirst) {
    for (let index = hand.length - 1; index >= 0; index -= 1) {
      const partition = hand[index];
      const taker = partition && lightest(partition.topic);
      if (!taker || loadOf(member) - loadOf(taker) < 2) continue;
      hand.splice(index, 1);
      hands.get(taker)?.push(partition);
      return true;
    }
  }
  return false;
}

/** Who holds a partition now. Of two that say so the first by id keeps it. */
function keepersOf(members: readonly DealtMember[]): ReadonlyMap<string, DealtMember> {
  const keepers = new Map<string, DealtMember>();
  for (const member of members) {
    for (const partition of member.held) {
      const name = nameOf(partition);
      if (!keepers.has(name)) keepers.set(name, member);
    }
  }
  return keepers;
}

function leastLoaded(members: readonly DealtMember[], loadOf: (member: DealtMember) => number): DealtMember | undefined {
  return members.reduce<DealtMember | undefined>((best, member) => (!best || loadOf(member) < loadOf(best) ? member : best), undefined);
}

function nameOf({ topic, partition }: Partition): string {
  return `${topic} ${partition}`;
}

function byName(a: Partition, b: Partition): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1;
  return a.partition - b.partition;
}
