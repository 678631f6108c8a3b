import { partitionName, type PartitionId } from '../../ports/log.js';
import type { Action, Step } from './inputs.js';
import type { Partition, ReaderState } from './state.js';

/** Collects what one step changes. The state that it is made from is not touched. */
export interface Draft {
  state(): ReaderState;
  change(fields: Partial<Omit<ReaderState, 'partitions' | 'lastId'>>): void;
  act(...actions: readonly Action[]): void;
  get(place: PartitionId): Partition | null;
  /** The partition with this id, where it is still assigned. */
  byId(id: number): Partition | null;
  all(): readonly Partition[];
  put(entry: Partition): Partition;
  remove(place: PartitionId): void;
  nextId(): number;
  done(): Step;
}

export function createDraft(from: ReaderState): Draft {
  let state = from;
  const actions: Action[] = [];
  let copy: Map<string, Partition> | null = null;
  const writable = (): Map<string, Partition> => {
    if (copy === null) {
      copy = new Map(state.partitions);
      state = { ...state, partitions: copy };
    }
    return copy;
  };

  return {
    state: () => state,
    change(fields) {
      state = { ...state, ...fields };
    },
    act(...more) {
      actions.push(...more);
    },
    get: (place) => state.partitions.get(partitionName(place)) ?? null,
    byId: (id) => [...state.partitions.values()].find((entry) => entry.id === id) ?? null,
    all: () => [...state.partitions.values()],
    put(entry) {
      writable().set(partitionName(entry), entry);
      return entry;
    },
    remove: (place) => void writable().delete(partitionName(place)),
    nextId() {
      state = { ...state, lastId: state.lastId + 1 };
      return state.lastId;
    },
    done: () => ({ state, actions }),
  };
}
