/** Watches what the folds skip: each such record must be kept for operators before any replay point passes it. */
import { belongsIn } from '../../src/domain/event-places.js';
import type { AnyRecord, CommittedOffset, LogRecord, PartitionId } from '../../src/ports/log.js';
import { Violation } from './violation.js';

export interface SkipOracle {
  /** @param place what the record's topic is for */
  onWritten(record: LogRecord, place: 'coordination' | 'tasks'): void;
  onDeadLetter(record: AnyRecord): void;
  checkCommit(partition: PartitionId, committed: CommittedOffset): void;
  /** The topic was recreated. */
  forget(topic: string): void;
  unfinished(): Violation | null;
}

export function createSkipOracle(): SkipOracle {
  /** Skipped records without a dead letter, by what identifies them in every copy. */
  const missing = new Map<string, LogRecord>();
  const placeOf = ({ topic, partition }: PartitionId, offset: number) => `${topic}[${partition}]@${offset}`;

  return {
    onWritten(record, place) {
      const { content } = record;
      if (content.kind === 'poison' || !belongsIn(place, content.event.event_type))
        missing.set(placeOf(record, record.offset), record);
    },
    onDeadLetter(record) {
      const known = missing.get(placeOf(record, record.offset));
      // A letter that comes late may be of the topic before this one.
      if (known?.content === record.content) missing.delete(placeOf(record, record.offset));
    },
    checkCommit({ topic, partition }, committed) {
      for (const record of missing.values()) {
        if (record.topic !== topic || record.partition !== partition || record.offset >= committed.offset) continue;
        throw new Violation(
          'skipped-is-kept',
          `${topic}[${partition}]: ${committed.offset} is committed, and ${record.offset} was skipped without a ` +
            'dead letter',
        );
      }
    },
    forget(topic) {
      for (const [place, record] of missing) if (record.topic === topic) missing.delete(place);
    },
    unfinished() {
      const [record] = missing.values();
      return record === undefined
        ? null
        : new Violation('skipped-is-kept', `${placeOf(record, record.offset)} has no dead letter`);
    },
  };
}
