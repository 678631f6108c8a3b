import type { AppendRequest } from '../../src/ports/log.js';
import { createClaim, type Claim } from '../../src/roles/shared/claim.js';
import { createEventFactory } from '../../src/domain/event-factory.js';
import { createSimProcess } from '../simulation/sim-process.js';
import { createWorld, type World } from '../simulation/world.js';

const silent = { onHeld() {}, onLost() {} };
const partition = { topic: 'tasks', partition: 0 };
/** From an append until every member has read it. */
const ROUND_TRIP_MS = 2;

interface Contest {
  /** When each claim was written, in ms since the start. */
  readonly claimedMs: readonly number[];
  readonly members: readonly Claim[];
  /** Appends a claim as another process would. */
  disturb(): void;
  run(forMs: number): void;
}

/** Members that all believe in one partition. */
function contest(world: World, count: number): Contest {
  const claimedMs: number[] = [];
  const members: Claim[] = [];
  let offset = 0;
  const write = (owner: string) => {
    const at = offset++;
    claimedMs.push(world.now());
    world.at(ROUND_TRIP_MS, () => members.forEach((each) => each.onRead(owner, at)));
  };
  const uuid = () =>
    Math.floor(world.random.next() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  for (let i = 1; i <= count; i++) {
    const { clock } = createSimProcess(world, `worker-${i}`);
    members.push(
      createClaim({
        partition,
        clock,
        ids: { uuid },
        createEvent: createEventFactory({ clock, ids: { uuid } }),
        processId: `worker-${i}`,
        appender: {
          append({ event }: AppendRequest) {
            if (event.event_type === 'partition_claimed') write(event.payload.owner);
            return Promise.resolve({ ...partition, offset });
          },
          dropQueued() {},
          close: () => Promise.resolve(),
        },
        isAssigned: () => true,
        onFatal(error) {
          throw error;
        },
      }),
    );
  }
  return {
    claimedMs,
    members,
    disturb: () => write('a zombie'),
    run(forMs) {
      const endMs = world.now() + forMs;
      let isOver = false;
      world.at(forMs, () => (isOver = true));
      while (!isOver && world.step()) expect(world.now()).toBeLessThanOrEqual(endMs);
    },
  };
}

describe('a claim', () => {
  test.each([1, 2, 3, 4, 5])(
    'given two members that both believe in a partition, when minutes pass, then they outbid each other less (seed %i)',
    (seed) => {
      const { claimedMs, members, run } = contest(createWorld(seed, false), 2);
      for (const member of members) member.start(silent);
      run(180_000);
      const inMinute = (minute: number) => claimedMs.filter((atMs) => Math.floor(atMs / 60_000) === minute).length;
      expect(inMinute(0)).toBeLessThan(40); // 300 ms after each loss, it was 200
      expect(inMinute(2)).toBeLessThan(25);
      expect(claimedMs.at(-1)).toBeGreaterThan(150_000); // neither gives up
    },
  );

  test('given a holder that lost often, when it has held for a while, then a loss costs what the first did', () => {
    const world = createWorld(7, false);
    const { claimedMs, members, disturb, run } = contest(world, 1);
    members[0]?.start(silent);
    run(100);
    for (let i = 0; i < 6; i++) {
      disturb();
      run(11_000);
    }
    run(40_000);
    const disturbedMs = world.now();
    disturb();
    run(11_000);
    const [, back = Infinity] = claimedMs.filter((atMs) => atMs >= disturbedMs);
    expect(back - disturbedMs).toBeLessThan(600 + ROUND_TRIP_MS);
  });

  test('given a holder, when its own claim is read a second time, then it still holds', () => {
    const { members, claimedMs, run } = contest(createWorld(1, false), 1);
    members[0]?.start(silent);
    run(100);
    const owner = members[0]?.held()?.owner ?? '';
    members[0]?.onRead(owner, 5);
    run(60_000);
    expect(members[0]?.held()).toEqual({ owner, claimOffset: 0 });
    expect(claimedMs).toHaveLength(1);
  });
});
