/** Drives the reading machine by hand: inputs in, and what it asked for as short lines. */
import type { PartitionAssignment, PartitionId, RecordContent } from '../../../src/ports/log.js';
import type { Action, Input, ReadBatch, ReadStop } from '../../../src/kafka/reading/inputs.js';
import {
  groupReader,
  mayCommit,
  watchReader,
  type ReaderState,
  type StartingPoint,
} from '../../../src/kafka/reading/state.js';
import { step } from '../../../src/kafka/reading/step.js';

export const P0 = { topic: 'tasks', partition: 0 };
export const P1 = { topic: 'tasks', partition: 1 };
const CONTENT: RecordContent = { kind: 'poison', reason: 'test' };

const record = (place: PartitionId, offset: number) => ({
  ...place,
  offset,
  timestampMs: 0,
  key: null,
  content: CONTENT,
});

/** Records from one offset to another, as a fetch gives them to a reader that is at the first. */
function batch(place: PartitionId, from: number, to: number, stop: ReadStop | null = null): ReadBatch {
  const records = [];
  for (let offset = from; offset < to; offset += 1) records.push(record(place, offset));
  return { records, position: to, stop };
}

export function createMachine(initial: ReaderState = groupReader('group', ['tasks'])) {
  let state = initial;
  let told: string[] = [];
  let actions: Action[] = [];

  const feed = (input: Input) => {
    const next = step(state, input);
    state = next.state;
    actions.push(...next.actions);
    told.push(...next.actions.flatMap(lineOf));
    return machine;
  };
  const last = <K extends Action['kind']>(kind: K): Extract<Action, { kind: K }> => {
    for (const action of [...actions].reverse()) if (isOf(action, kind)) return action;
    throw new Error(`the machine has not asked to ${kind}; it said ${told.join(', ')}`);
  };

  const machine = {
    feed,
    last,
    state: () => state,
    count: (kind: Action['kind']) => actions.filter((action) => action.kind === kind).length,
    /** What was asked for since the last call. */
    told() {
      const lines = told;
      told = [];
      return lines;
    },
    join: (assignment: readonly PartitionId[], memberId = 'member-1') =>
      feed({ kind: 'joined', assignment, memberId, wallMs: 0 }),
    answer: (...states: readonly PartitionAssignment[]) => feed({ kind: 'answered', topic: 'tasks', states }),
    /** The consumers that were asked for are open. */
    open() {
      const asked = actions.flatMap((action) => (action.kind === 'open' ? [action.id] : []));
      actions = actions.filter(({ kind }) => kind !== 'open');
      for (const id of asked) feed({ kind: 'opened', id });
      return machine;
    },
    /** Joins and opens at a committed offset. */
    reading: (place: PartitionId, position: number, bounds: { logStart?: number; logEnd?: number } = {}) => {
      machine
        .join([place])
        .answer(found(place, position, bounds))
        .open();
      machine.told();
      return machine;
    },
    deliver: (place: PartitionId, from: number, to: number, stop: ReadStop | null = null) =>
      feed({ kind: 'fetched', place, read: batch(place, from, to, stop) }),
    own: (place: PartitionId, from: number, to: number) => feed({ kind: 'own', place, read: batch(place, from, to) }),
    idle: (place: PartitionId) => feed({ kind: 'idle', place }),
    passed: (place: PartitionId, first: number, lastOffset: number) =>
      feed({ kind: 'passed', place, first, last: lastOffset }),
    outOfRange: (place: PartitionId) => feed({ kind: 'out_of_range', place }),
    /** The answer to the last question about bounds. */
    bounds: (state_: PartitionAssignment | null) =>
      feed({ kind: 'bounds', ticket: last('ask_bounds').ticket, found: state_ }),
    waited: () => feed({ kind: 'waited', ticket: last('wait').ticket }),
    commit(place: PartitionId, offset: number): boolean {
      if (!mayCommit(state, place)) return false;
      feed({ kind: 'committing', commits: [{ ...place, offset, metadata: '' }] });
      return true;
    },
  };
  return machine;
}

export function createWatchMachine(...starts: readonly StartingPoint[]) {
  const machine = createMachine(watchReader('watch', ['tasks'], starts));
  machine.join(starts);
  machine.told();
  return machine;
}

/** What the group and the log say of a partition; committed null: nothing. */
export function found(
  { topic, partition }: PartitionId,
  committed: number | null,
  { logStart = 0, logEnd = 9 }: { logStart?: number; logEnd?: number } = {},
): PartitionAssignment {
  return {
    topic,
    partition,
    committed: committed === null ? null : { offset: committed, metadata: '' },
    logStart,
    logEnd,
  };
}

function isOf<K extends Action['kind']>(action: Action, kind: K): action is Extract<Action, { kind: K }> {
  return action.kind === kind;
}

function lineOf(action: Action): readonly string[] {
  switch (action.kind) {
    case 'seek':
      return [`seek ${action.place.partition} ${action.offset}`];
    case 'pause':
    case 'resume':
    case 'close':
    case 'unblock':
      return [`${action.kind} ${action.place.partition}`];
    case 'resolve':
      return [`resolve ${action.offset}`];
    case 'ask':
      return [`ask ${action.partitions.join(',')}`];
    case 'ask_bounds':
      return [`look up ${action.place.partition}`];
    case 'open':
      return [`open ${action.assignment.partition}`];
    case 'deliver':
      return [`records ${action.place.partition} ${action.records.map(({ offset }) => offset).join(',')}`];
    case 'block':
      return [`block ${action.place.partition} ${action.offset} ${action.reason}`];
    case 'load_schema':
      return [`load schema ${action.schemaId}`];
    case 'wait':
    case 'wait_topic':
      return [`wait ${action.attempt}`];
    case 'log':
      return [];
    default:
      return [action.kind];
  }
}
