/** The in-memory log's storage and readers behind ways that lose time, answers and order between partitions. */
import { frozenCopy } from '../../src/memory/frozen-copy.js';
import { createMemoryWatch } from '../../src/memory/memory-watch.js';
import { createStorage, type StoredPartition } from '../../src/memory/storage.js';
import type {
  Appended,
  AppendRequest,
  CommittedOffset,
  Log,
  LogRecord,
  PartitionId,
  RecordContent,
  RecordCopy,
} from '../../src/ports/log.js';
import type { Faults } from './faults.js';
import { createReadingGroup } from './reading-group.js';
import { createSimAdmin } from './sim-admin.js';
import { createSimAppender } from './sim-appender.js';
import { createSimGroup, type SimGroup } from './sim-group.js';
import type { SimProcess } from './sim-process.js';
import type { System } from './system.js';
import type { Invariant } from './violation.js';
import { EPOCH_MS, type World } from './world.js';

export interface SimLogOptions {
  readonly world: World;
  readonly faults: Faults;
  readonly system: System;
  /** Topic of each consumer group. */
  readonly groups: Readonly<Record<string, string>>;
  /** Whether the members of the groups are the real reading machine. */
  readonly readsForReal: boolean;
  report(invariant: Invariant, detail: string): void;
  /** Partitions that a topic has now, of those it may ever have. */
  partitionCount(topic: string): number;
  onWritten(record: LogRecord): void;
  onDeadLetter(letter: RecordCopy): void;
  /** A record was refused for good. */
  onRefused(request: AppendRequest): void;
  onDelete(partition: PartitionId, beforeOffset: number): void;
  /** A process is between two things that it does with the log; it may die now. */
  moment(process: SimProcess): void;
  onCommit(partition: PartitionId, committed: CommittedOffset): void;
  onDelivered(process: SimProcess, partition: PartitionId, nextOffset: number): void;
}

export interface SimLog {
  /** The log as one process reaches it. */
  of(process: SimProcess): Log;
  /** Puts a record into the log now. */
  write(request: AppendRequest): number;
  /** The same for records of other writers. */
  writeForeign(partition: PartitionId, content: RecordContent): void;
  createTopics(topics: readonly { readonly name: string; readonly partitions: number }[]): void;
  partitions(topic: string): readonly StoredPartition[];
  groups(): readonly SimGroup[];
  group(id: string): SimGroup;
}

export function createSimLog(options: SimLogOptions): SimLog {
  const { world, faults, system, onWritten } = options;
  const storage = createStorage();
  const groups = new Map<string, SimGroup>();
  for (const [id, topic] of Object.entries(options.groups)) {
    const partitions = () => storage.partitions(topic).slice(0, options.partitionCount(topic));
    const createGroup = options.readsForReal ? createReadingGroup : createSimGroup;
    groups.set(id, createGroup({ ...options, id, partitions }));
  }
  const group = (id: string): SimGroup => {
    const found = groups.get(id);
    if (found === undefined) throw new RangeError(`there is no group ${id}`);
    return found;
  };

  function write({ topic, partition, key, event }: AppendRequest): number {
    return put({ topic, partition }, key, { kind: 'event', event: frozenCopy(event).event });
  }

  function put({ topic, partition }: PartitionId, key: string | null, content: RecordContent): number {
    const target = storage.partitions(topic)[partition];
    if (target === undefined) throw new RangeError(`${topic}[${partition}] does not exist`);
    const timestampMs = Math.round(EPOCH_MS + world.now());
    const offset = target.high();
    world.tell(
      () =>
        `  ${topic}[${partition}]@${offset} ` +
        `${content.kind === 'event' ? describe(content.event) : `POISON ${content.reason}`}`,
    );
    target.write(key, content, timestampMs);
    onWritten({ topic, partition, offset, timestampMs, key, content });
    return offset;
  }

  /** As unreliable as every other append. */
  function writeDeadLetter(process: SimProcess, letter: RecordCopy): Promise<Appended> {
    const { topic, partition, record } = letter;
    const { content } = record;
    if (content.kind === 'unreadable') throw new TypeError('every schema is known in a simulation');
    const write = (): Appended => {
      world.tell(() => `${process.id} keeps ${record.topic}[${record.partition}]@${record.offset} as a dead letter`);
      options.onDeadLetter(letter);
      return { topic, partition, offset: put({ topic, partition }, record.key, content) };
    };
    return new Promise((resolve, reject) => {
      const fails = faults.on('fail') && world.random.chance(0.05);
      const isWritten = !fails || world.random.chance(0.5);
      world.at(world.random.delayMs(3), () => {
        const appended = isWritten && (process.isAlive() || world.random.chance(0.7)) ? write() : null;
        options.moment(process);
        process.later(world.random.delayMs(1), () =>
          fails || appended === null
            ? reject(new system.AppendFailed('the dead letter was not taken in time'))
            : resolve(appended),
        );
      });
    });
  }

  return {
    write,
    group,
    writeForeign: (id, content) => void put(id, null, content),
    groups: () => [...groups.values()],
    partitions: (topic) => storage.partitions(topic).slice(0, options.partitionCount(topic)),
    createTopics(topics) {
      for (const { name, partitions } of topics)
        storage.create({ name, partitions, replicationFactor: null, config: {} });
    },
    of(process) {
      return {
        createAppender: (name) =>
          createSimAppender({
            name,
            world,
            faults,
            process,
            system,
            write,
            onRefused: options.onRefused,
            onOwn: (owner, appended) => groups.forEach((each) => each.onOwn(owner, appended)),
            moment: options.moment,
          }),
        joinGroup: (groupOptions) => group(groupOptions.groupId).join(process, groupOptions),
        async watch(watchOptions) {
          return createMemoryWatch(
            watchOptions,
            storage,
            (callback) => void process.later(world.random.delayMs(2), callback),
          );
        },
        capabilities: { shared: true, durable: true },
        clusterId: null,
        continueTrace: () => undefined,
        continuedTrace: () => null,
        copyRecord: (letter) => writeDeadLetter(process, letter),
        admin: createSimAdmin({
          world,
          process,
          onDelete: options.onDelete,
          partitions: (topic) => storage.partitions(topic).slice(0, options.partitionCount(topic)),
          committed: (groupId, partition) => group(groupId).committed(partition),
        }),
        async close() {},
      };
    },
  };
}

/** An event in one line of the story. */
function describe(event: AppendRequest['event']): string {
  const payload: Readonly<Record<string, unknown>> = { ...event.payload };
  const { mission_id: mission, source } = payload;
  const parts = {
    mission: typeof mission === 'string' ? mission.slice(-4) : undefined,
    task: payload['task_id'],
    attempt: payload['attempt'],
    step: payload['step'],
    tool: payload['tool'],
    outcome: payload['outcome'],
    wave: payload['wave_number'],
    revision: payload['revision'],
    code: payload['code'],
    owner: payload['owner'],
    status: payload['status'],
    source: typeof source === 'object' && source !== null && 'offset' in source ? source.offset : undefined,
    why: payload['reason'] ?? payload['error'],
  };
  return [
    event.event_type,
    ...Object.entries(parts)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => `${name}=${String(value).slice(0, 80)}`),
  ].join(' ');
}
