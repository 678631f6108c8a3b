import type {
  GroupMember,
  GroupOptions,
  Log,
  LogRecord,
  PartitionAssignment,
  PartitionId,
  SetApart,
} from '../../src/ports/log.js';

/** The calls of a member's handlers, in order. */
export interface RecordedMember {
  readonly member: GroupMember;
  readonly assignments: readonly PartitionAssignment[];
  /** Of the partitions that are open now. */
  readonly open: ReadonlySet<number>;
  readonly records: readonly LogRecord[];
  readonly blocked: readonly { readonly partition: number; readonly offset: number; readonly reason: string }[];
  readonly unblocked: readonly number[];
  readonly closed: readonly number[];
  /** As they were named last. */
  readonly setApart: readonly SetApart[];
  readonly fatal: readonly Error[];
  /** request_id of the status requests that were read, in order. */
  texts(): readonly string[];
}

/** Joins and writes down everything; `handlers` may replace parts of it. */
export async function joinRecorded(
  log: Log,
  groupId: string,
  topic: string,
  handlers: {
    readonly onOpen?: (assignment: PartitionAssignment) => void;
    readonly onRecord?: (record: LogRecord) => void;
    readonly room?: () => Promise<void> | null;
    readonly only?: readonly PartitionId[];
  } = {},
): Promise<RecordedMember> {
  const assignments: PartitionAssignment[] = [];
  const open = new Set<number>();
  const records: LogRecord[] = [];
  const blocked: { partition: number; offset: number; reason: string }[] = [];
  const unblocked: number[] = [];
  const closed: number[] = [];
  const fatal: Error[] = [];
  let setApart: readonly SetApart[] = [];

  const options: GroupOptions = {
    groupId,
    topics: [topic],
    ...(handlers.only === undefined ? {} : { only: handlers.only }),
    open(assignment) {
      const { partition } = assignment;
      assignments.push(assignment);
      handlers.onOpen?.(assignment);
      open.add(partition);
      return {
        onRecords(batch) {
          for (const record of batch) {
            if (!open.has(partition)) throw new Error('records after onClosed');
            handlers.onRecord?.(record);
            records.push(record);
          }
        },
        room: () => handlers.room?.() ?? null,
        onBlocked: (offset, reason) => void blocked.push({ partition, offset, reason }),
        onUnblocked: () => void unblocked.push(partition),
        onClosed() {
          open.delete(partition);
          closed.push(partition);
        },
      };
    },
    onSetApart: (all) => void (setApart = all),
    onFatal: (error) => void fatal.push(error),
  };
  const member = await log.joinGroup(options);
  return {
    member,
    assignments,
    open,
    records,
    blocked,
    unblocked,
    closed,
    fatal,
    get setApart() {
      return setApart;
    },
    texts: () => textsOf(records),
  };
}

export function textsOf(records: readonly LogRecord[]): readonly string[] {
  return records.map(({ content }) => {
    if (content.kind === 'poison') return `poison: ${content.reason}`;
    return content.event.event_type === 'request_status' ? content.event.payload.request_id : content.event.event_type;
  });
}

/** Offsets that were read of one partition. */
export function offsetsOf(
  records: readonly LogRecord[],
  { partition }: Pick<PartitionId, 'partition'>,
): readonly number[] {
  return records.filter((record) => record.partition === partition).map(({ offset }) => offset);
}
