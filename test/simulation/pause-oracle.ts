/** Watches paused missions: no attempt of theirs begins a step once its worker has read that it must wait. */
import { attemptKey } from '../../src/domain/partitioning.js';
import type { FoldRecord } from '../../src/domain/record.js';
import type { PartitionId } from '../../src/ports/log.js';
import type { TurnContext } from '../../src/ports/model.js';
import type { SimProcess } from './sim-process.js';
import { Violation } from './violation.js';

export interface PauseOracle {
  /** A record of a tasks partition. @param suspended whether the attempt that it is about must wait then */
  onWritten(place: PartitionId, record: FoldRecord, suspended: boolean): void;
  onDelivered(process: SimProcess, place: PartitionId, nextOffset: number): void;
  /** A model is asked for a step. @throws Violation */
  onTold(process: SimProcess, turn: TurnContext): void;
}

interface Word {
  readonly offset: number;
  readonly suspended: boolean;
}

const nameOf = ({ topic, partition }: PartitionId) => `${topic}[${partition}]`;

export function createPauseOracle(): PauseOracle {
  /** By attempt: where it is, and what its partition says, in log order. */
  const words = new Map<string, { readonly place: string; readonly said: Word[] }>();
  const delivered = new Map<SimProcess, Map<string, number>>();
  /** Steps that a process has begun to ask for: it asks again where a reply is no step. */
  const begun = new Map<SimProcess, Set<string>>();

  return {
    onWritten(place, { offset, event }, suspended) {
      if (event.event_type !== 'task_suspended') return;
      const key = attemptKey(event.payload);
      const known = words.get(key) ?? { place: nameOf(place), said: [] };
      words.set(key, known);
      known.said.push({ offset, suspended });
    },
    onDelivered(process, place, nextOffset) {
      const positions = delivered.get(process) ?? new Map<string, number>();
      delivered.set(process, positions.set(nameOf(place), nextOffset));
    },
    onTold(process, { task, steps }) {
      const key = attemptKey(task);
      const asked = begun.get(process) ?? new Set<string>();
      begun.set(process, asked);
      const step = `${key}#${steps.length + 1}`;
      if (asked.has(step)) return;
      asked.add(step);
      const known = words.get(key);
      const position = delivered.get(process)?.get(known?.place ?? '') ?? 0;
      const last = known?.said.findLast(({ offset }) => offset < position);
      if (last?.suspended === true)
        throw new Violation(
          'paused-begins-nothing',
          `${process.id} begins ${step}, and has read at ${last.offset} that it must wait`,
        );
    },
  };
}
