/** Reads the swarm's topics during the faults, bypassing the proxies, and keeps the data for the verdict. */
import { createCoordinationView, type CoordinationView } from '../../src/domain/coordination-view.js';
import type { AgentEvent, PayloadOf } from '../../src/domain/events.js';
import {
  createTaskPartitionState,
  evolveTaskPartition,
  type TaskPartitionState,
} from '../../src/domain/task-partition.js';
import type { TopicNames } from '../../src/domain/topic-names.js';
import { createKafkaLog } from '../../src/kafka/kafka-log.js';
import type { LogRecord, Watch } from '../../src/ports/log.js';
import type { Logger } from '../../src/ports/logger.js';
import { AGENTS, markIn } from './agents.js';
import type { Cluster } from './cluster.js';
import type { Site } from './site.js';

/** A call of a tool that counts, as the log has it. */
export interface SeenCall {
  readonly missionId: string;
  readonly taskId: string;
  readonly attempt: number;
  readonly step: number;
  /** Of the tasks topic. */
  readonly partition: number;
  /** What its command writes into the ledger; null when nothing. */
  readonly mark: string | null;
  readonly tool: string;
  readonly owner: string;
  readonly atMs: number;
  /** First outcome in the log, and whether another than the caller wrote it: then the step was in doubt. */
  outcome: {
    readonly kind: PayloadOf<'tool_returned'>['outcome'];
    readonly byOther: boolean;
    readonly atMs: number;
  } | null;
}

export interface Observer {
  /** Of the coordination topic that there is now. */
  view(): CoordinationView;
  /** Those of coordination topics that are no more. */
  readonly formerViews: readonly CoordinationView[];
  readonly calls: readonly SeenCall[];
  /** Assignments that were taken, by mission/task/attempt. */
  readonly assignments: ReadonlySet<string>;
  /** Broker timestamps of all records that show progress. */
  readonly progress: readonly number[];
  readonly missionIds: () => readonly string[];
  /** The newest record about a mission and who holds its partition, in words: where an open mission waits. */
  lastOf(missionId: string): string;
  /**
   * Resolves with the first answer that is not null, asked again after each record; rejects when it does not come in
   * time.
   */
  until<T>(what: string, limitMs: number, find: () => T | null): Promise<T>;
  onEvent(listener: (event: AgentEvent, record: LogRecord) => void): () => void;
  /** The coordination topic is recreated: its old records are kept apart, and no more of them are expected. */
  forgetCoordination(): Promise<void>;
  resume(): Promise<void>;
  /** Resolves when everything that the log holds now has been seen. */
  catchUp(): Promise<void>;
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const WORK: ReadonlySet<string> = new Set([
  'wave_started',
  'task_assigned',
  'task_accepted',
  'task_started',
  'task_progress',
  'task_completed',
  'task_failed',
  'wave_completed',
  'mission_completed',
  'mission_failed',
  'mission_cancelled',
  'tool_called',
  'tool_returned',
]);

export async function startObserver(site: Site, cluster: Cluster, topics: TopicNames): Promise<Observer> {
  const log = await createKafkaLog({
    brokers: cluster.innerBrokers,
    clientId: 'chaos-observer',
    registry: { url: cluster.registryUrl },
    schemasDir: `${site.root}/schemas`,
    prefix: `${topics.prefix}.observer`,
    clock: site.clock,
    ids: site.ids,
    random: Math.random,
    logger: silent,
  });
  site.onEnd("the observer's log", () => log.close());
  const watched = [topics.coordination, ...AGENTS.map(topics.tasks)];
  let view = createCoordinationView();
  const states = new Map<string, TaskPartitionState>();
  const next = new Map<string, number>();
  const calls: SeenCall[] = [];
  const open = new Map<string, SeenCall>();
  const assignments = new Set<string>();
  const progress: number[] = [];
  const newest = new Map<string, { readonly place: string; readonly event: string; readonly atMs: number }>();
  const holders = new Map<string, string>();
  const formerViews: CoordinationView[] = [];
  const listeners = new Set<(event: AgentEvent, record: LogRecord) => void>();
  let watch: Watch | null = null;
  let over = false;

  function onRecord(record: LogRecord): void {
    const place = `${record.topic}/${record.partition}`;
    if (record.content.kind !== 'event' || record.offset < (next.get(place) ?? 0)) return;
    next.set(place, record.offset + 1);
    const { event } = record.content;
    if (WORK.has(event.event_type)) progress.push(record.timestampMs);
    if ('mission_id' in event.payload)
      newest.set(event.payload.mission_id, { place, event: event.event_type, atMs: record.timestampMs });
    if (event.event_type === 'partition_claimed') holders.set(place, event.payload.owner);
    const folded = { offset: record.offset, timestampMs: record.timestampMs, event };
    if (record.topic === topics.coordination) view.apply(record.partition, folded);
    else onTaskRecord(place, record, event);
    for (const listener of [...listeners]) listener(event, record);
  }

  function onTaskRecord(place: string, record: LogRecord, event: AgentEvent): void {
    const state = states.get(place) ?? createTaskPartitionState();
    states.set(place, state);
    if (evolveTaskPartition(state, { offset: record.offset, timestampMs: record.timestampMs, event }).kind === 'void')
      return;
    if (event.event_type === 'task_assigned')
      assignments.add(`${event.payload.mission_id}/${event.payload.task_id}/${event.payload.attempt}`);
    if (event.event_type === 'tool_called') {
      const { mission_id: missionId, task_id: taskId, attempt, step, tool, owner } = event.payload;
      const call: SeenCall = {
        missionId,
        taskId,
        attempt,
        step,
        partition: record.partition,
        tool,
        owner,
        mark: markOf(event.payload),
        atMs: record.timestampMs,
        outcome: null,
      };
      calls.push(call);
      open.set(`${missionId}/${taskId}/${attempt}/${step}`, call);
    }
    if (event.event_type === 'tool_returned') {
      const { mission_id, task_id, attempt, step, owner, outcome } = event.payload;
      const call = open.get(`${mission_id}/${task_id}/${attempt}/${step}`);
      if (call !== undefined)
        call.outcome ??= { kind: outcome, byOther: owner !== call.owner, atMs: record.timestampMs };
    }
  }

  /** Watches again when a watch breaks: what was seen is skipped by its offset. */
  async function resume(): Promise<void> {
    watch = await log.watch({
      topics: watched,
      from: 'beginning',
      onRecord,
      onFatal: () => void site.clock.setTimer(500, () => void reopen()),
    });
  }
  async function reopen(): Promise<void> {
    if (over || site.signal.aborted) return;
    await resume().catch(() => site.clock.setTimer(1_000, () => void reopen()));
  }
  const end = async () => {
    over = true;
    await watch?.stop();
  };
  site.onEnd('the observer', end);
  await resume();

  return {
    view: () => view,
    formerViews,
    calls,
    assignments,
    progress,
    resume,
    missionIds: () => view.missions(),
    lastOf(missionId) {
      const last = newest.get(missionId);
      if (last === undefined) return 'no record names it';
      return (
        `its newest record is ${last.event} in ${last.place}, ${Math.round((site.clock.now() - last.atMs) / 1000)} ` +
        `s ago; ${holders.get(last.place) ?? 'no process'} claimed that partition last`
      );
    },
    async until(what, limitMs, find) {
      return site.until(what, limitMs, find);
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async forgetCoordination() {
      await watch?.stop();
      watch = null;
      formerViews.push(view);
      view = createCoordinationView();
      for (const place of [...next.keys()]) if (place.startsWith(`${topics.coordination}/`)) next.delete(place);
    },
    // The end of a partition may be a marker or another program's record: only a watch knows that it has passed them.
    async catchUp() {
      await site.until('the observer has caught up', 120_000, async () => {
        let caughtUp: Watch | null = null;
        try {
          await new Promise<void>((resolve, reject) => {
            log
              .watch({ topics: watched, from: 'beginning', onRecord, onCaughtUp: resolve, onFatal: reject })
              .then((started) => (caughtUp = started), reject);
          });
          return true;
        } catch {
          return null; // it is asked again until the limit
        } finally {
          await (caughtUp as Watch | null)?.stop();
        }
      });
    },
  };
}

function markOf({ tool, arguments: text }: PayloadOf<'tool_called'>): string | null {
  if (tool !== 'execute_terminal_command') return null;
  const parsed: unknown = JSON.parse(text);
  const command = typeof parsed === 'object' && parsed !== null && 'command' in parsed ? parsed.command : null;
  return typeof command === 'string' ? markIn(command) : null;
}
