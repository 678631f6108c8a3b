/** Random histories of a tasks partition: duplicates, late re-sends, deposed owners, steps out of order. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import type { AgentEvent, Source } from '../../src/domain/events.js';
import { attemptKey } from '../../src/domain/partitioning.js';
import { describeFolded, type FoldRecord } from '../../src/domain/record.js';
import {
  createTaskPartitionState,
  evolveTaskPartition,
  type TaskPartitionState,
} from '../../src/domain/task-partition.js';
import { decodeTaskSnapshot, forgetSettled, taskReplayPoint } from '../../src/domain/task-replay.js';
import { propertyRuns } from '../support/quick.js';
import { recordsOf, type Random } from './support/events.js';
import { aside, choicesOf, moves, type Move } from './support/moves.js';
import {
  assigned,
  called,
  cancelled,
  claimed,
  completed,
  failed,
  reserved,
  returned,
  source,
  type About,
} from './support/task-log.js';

const HISTORIES = propertyRuns(2_300);
/** Moves of a history, on average; most moves append one record. */
const LENGTH = 40;
const OWNERS = ['a', 'b', 'c'];

interface World {
  /** The choices of the current move. */
  random: Random;
  readonly log: AgentEvent[];
  readonly sent: AgentEvent[];
  readonly attempts: { readonly about: About; steps: number }[];
  readonly offsets: Map<string, number>;
  epoch: number;
  holder: string;
}

function nextSource(world: World): Source {
  const partition = world.random.below(2);
  const place = `log-${world.epoch}/${partition}`;
  const offset = (world.offsets.get(place) ?? -1) + 1 + world.random.below(3);
  world.offsets.set(place, offset);
  return source(offset, `log-${world.epoch}`, partition);
}

/** A decision is sent once; sometimes everything from an old one on is sent again. */
function send(world: World, event: AgentEvent): void {
  world.sent.push(event);
  world.log.push(event);
  if (world.random.chance(0.3)) world.log.push(...world.sent.slice(world.random.below(world.sent.length)));
}

function assign(world: World): void {
  const about = { task: `deploy-cert_agent-wave${1 + world.random.below(3)}`, attempt: world.attempts.length + 1 };
  world.attempts.push({ about, steps: 0 });
  send(world, assigned(nextSource(world), about));
}

function work(world: World): void {
  const { random, log } = world;
  if (world.attempts.length === 0) return assign(world);
  const attempt = random.pick(world.attempts);
  const { about } = attempt;
  const owner = random.chance(0.85) ? world.holder : random.pick(OWNERS);
  const kind = random.next();
  if (kind < 0.35) {
    if (random.chance(0.85)) attempt.steps += 1;
    log.push(
      called(owner, Math.max(1, attempt.steps), {
        ...about,
        tokens_in: random.below(9),
        cost_usd: random.below(9),
        reserved_tokens: random.below(99),
      }),
    );
  } else if (kind < 0.7)
    log.push(returned(owner, Math.max(1, attempt.steps), random.pick(['ok', 'error', 'unknown'] as const), about));
  else if (kind < 0.78) log.push(reserved(owner, random.below(99), random.below(9), about));
  else if (kind < 0.84) send(world, cancelled(nextSource(world), about));
  else log.push(random.chance(0.5) ? completed(owner, about) : failed(owner, about));
  if (random.chance(0.08)) log.push(log[log.length - 1] ?? claimed('a'));
}

function historyOf(list: readonly Move[]): readonly FoldRecord[] {
  const world: World = {
    random: choicesOf(0),
    log: [],
    sent: [],
    attempts: [],
    offsets: new Map(),
    epoch: 1,
    holder: 'a',
  };
  for (const move of list) {
    world.random = choicesOf(move);
    const kind = world.random.next();
    if (kind < 0.12) {
      world.holder = world.random.pick(OWNERS);
      world.log.push(claimed(world.holder));
    } else if (kind < 0.14) world.epoch += 1;
    else if (kind < 0.26) assign(world);
    else work(world);
  }
  return recordsOf(world.log);
}

/** Checks a sentence for every history; random is for choices that are no part of it. */
function inEveryHistory(check: (records: readonly FoldRecord[], random: Random) => void): void {
  fc.assert(
    fc.property(moves(LENGTH), aside, (list, other) => check(historyOf(list), choicesOf(other))),
    { numRuns: HISTORIES, seed: 1 },
  );
}

function foldAll(
  records: readonly FoldRecord[],
  state: TaskPartitionState = createTaskPartitionState(),
): TaskPartitionState {
  for (const record of records) evolveTaskPartition(state, record);
  return state;
}

/** Some of the results that are there, chosen for good. */
function acknowledgedAt(state: TaskPartitionState, random: Random): ReadonlySet<string> {
  return new Set(
    [...state.attempts.values()]
      .filter((attempt) => attempt.result !== null && random.chance(0.7))
      .map((attempt) => attempt.key),
  );
}

describe('in every history of a tasks partition', () => {
  test('a fold from the replay point equals the fold from the beginning for everything that is not settled', () => {
    let replays = 0;
    inEveryHistory((records, random) => {
      const cut = random.below(records.length + 1);
      const then = foldAll(records.slice(0, cut));
      const acknowledged = acknowledgedAt(then, random);
      const point = taskReplayPoint(then, (key) => acknowledged.has(key));
      if (point === null) throw new Error('no replay point');

      const whole = foldAll(records);
      const replayed = foldAll(
        records.slice(point.offset),
        createTaskPartitionState(point.offset, decodeTaskSnapshot(point.metadata)),
      );
      const fromThere = new Map([...whole.attempts].filter(([, attempt]) => attempt.firstOffset >= point.offset));
      expectEqual(`committed ${point.offset} at ${cut}`, replayed, { ...whole, attempts: fromThere });
      const unsettled = [...whole.attempts.values()].filter(
        (attempt) => attempt.status === 'open' || (attempt.result !== null && !acknowledged.has(attempt.key)),
      );
      expectEqual(
        'unsettled',
        unsettled.filter((attempt) => !replayed.attempts.has(attempt.key)),
        [],
      );
      if (point.offset > 0) replays += 1;
    });
    expect(replays).toBeGreaterThan(HISTORIES / 2.3);
  });

  test('a fold that commits and forgets on the way comes to the same open attempts', () => {
    let forgotten = 0;
    inEveryHistory((records, random) => {
      const state = createTaskPartitionState();
      const acknowledged = new Set<string>();
      for (const record of records) {
        evolveTaskPartition(state, record);
        if (!random.chance(0.3)) continue;
        for (const key of acknowledgedAt(state, random)) acknowledged.add(key);
        const point = taskReplayPoint(state, (key) => acknowledged.has(key));
        if (point !== null) forgotten += forgetSettled(state, point.offset, (key) => acknowledged.has(key)).length;
      }
      expectEqual('forgotten on the way', openAndSmall(state), openAndSmall(foldAll(records)));
    });
    expect(forgotten).toBeGreaterThan(HISTORIES);
  });

  test('steps have no holes, only the last may lack an outcome, and a result ends its attempt', () => {
    let steps = 0;
    inEveryHistory((records) => {
      for (const attempt of foldAll(records).attempts.values()) {
        const broken =
          attempt.steps.some((step, index) => step.call.step !== index + 1) ||
          attempt.steps.slice(0, -1).some((step) => step.outcome === null) ||
          (attempt.result !== null) !== (attempt.status === 'completed' || attempt.status === 'failed');
        if (broken) throw new Error(JSON.stringify(attempt));
        steps += attempt.steps.length;
      }
    });
    expect(steps).toBeGreaterThan(HISTORIES);
  });

  test('only the owner that was the last to claim calls tools and writes results', () => {
    let voided = 0;
    inEveryHistory((records) => {
      const state = createTaskPartitionState();
      let last: string | null = null;
      for (const record of records) {
        const { event } = record;
        if (event.event_type === 'partition_claimed') last = event.payload.owner;
        const folded = describeFolded(evolveTaskPartition(state, record));
        if (!('owner' in event.payload) || event.event_type === 'tool_returned' || 'source' in event.payload) continue;
        if (folded === 'applied' && event.payload.owner !== last)
          throw new Error(`${event.event_type} at ${record.offset} by ${event.payload.owner}, held by ${last}`);
        if (folded === 'void: not the holder') voided += 1;
      }
    });
    expect(voided).toBeGreaterThan(HISTORIES);
  });

  test('every attempt is opened at most once, however often its assignment is sent', () => {
    let resent = 0;
    inEveryHistory((records) => {
      const opened = new Set<string>();
      const state = createTaskPartitionState();
      for (const record of records) {
        const folded = describeFolded(evolveTaskPartition(state, record));
        if (record.event.event_type !== 'task_assigned') continue;
        if (folded !== 'applied') {
          resent += 1;
          continue;
        }
        const key = attemptKey(record.event.payload);
        if (opened.has(key)) throw new Error(`${key} was opened twice`);
        opened.add(key);
        state.attempts.delete(key); // as if it had been forgotten: the marks alone must do
      }
    });
    expect(resent).toBeGreaterThan(HISTORIES);
  });
});

/** jest's own comparison is too slow for thousands; it only explains a difference. */
function expectEqual(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  expect({ what, actual }).toEqual({ what, actual: expected });
  throw new Error(`${what}: they differ`);
}

function openAndSmall({ holder, marks, attempts }: TaskPartitionState) {
  return { holder, marks, open: [...attempts.values()].filter((attempt) => attempt.status === 'open') };
}
