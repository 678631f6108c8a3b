/** Which faults strike when: every one in turn, some several times, in an order from the seed, often two at once. */
import type { Random } from '../simulation/random.js';
import type { Fault } from './fault.js';

/** The faults of the next round: one, or two that do not take the same thing. */
export function createSchedule(random: Random, faults: readonly Fault[]): () => readonly Fault[] {
  let waiting: Fault[] = [];
  const nextFault = (): Fault => {
    if (waiting.length === 0)
      waiting = shuffle(
        random,
        faults.flatMap((fault) => Array.from({ length: fault.turns ?? 1 }, () => fault)),
      );
    const fault = waiting.shift();
    if (fault === undefined) throw new RangeError('there are no faults');
    return fault;
  };
  return () => {
    const first = nextFault();
    const second = waiting.find((each) => canMeet(first, each));
    if (second === undefined || random.chance(0.3)) return [first];
    waiting.splice(waiting.indexOf(second), 1);
    return [first, second];
  };
}

function canMeet(one: Fault, other: Fault): boolean {
  return one.takes !== other.takes && one.takes !== 'everything' && other.takes !== 'everything';
}

function shuffle<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
