/** Signs of life of a process on the status topic: heartbeats, and answers to request_status. */
import type { PayloadOf } from '../../domain/events.js';
import { partitionForKey } from '../../domain/partitioning.js';
import type { WatchReader } from '../../domain/topic-names.js';
import type { Timer } from '../../ports/clock.js';
import { AppendDropped, AppendFailed, type Watch } from '../../ports/log.js';
import type { CreateEvent, Envelope } from '../../domain/event-factory.js';
import { repeat } from './repeat.js';
import { asError } from '../../domain/as-error.js';
import type { RoleDeps } from './role.js';

/** What a process says of itself. */
export type Vitals = Pick<
  PayloadOf<'heartbeat'>,
  'role' | 'agents' | 'partitions' | 'running' | 'blocked' | 'steps_done' | 'spent' | 'cap_reached'
>;

type StatusEvent =
  | 'heartbeat'
  | 'request_status'
  | 'status_report'
  | 'service_starting'
  | 'service_ready'
  | 'service_unhealthy'
  | 'service_stopped'
  | 'dependency_required'
  | 'dependency_satisfied'
  | 'circuit_changed';

export interface Presence {
  /** Sends the first heartbeat, then one every intervalMs, and answers request_status. */
  start(): Promise<void>;
  /** Appends an event to the status topic. It is news, not a result: one that is refused is logged. */
  send<T extends StatusEvent>(envelope: Envelope<T>): void;
  /** A heartbeat soon, because something worth knowing has changed; many changes make one. */
  heartbeatSoon(): void;
  stop(): Promise<void>;
}

const HEARTBEAT_SOON_MS = 50;

export interface PresenceOptions {
  readonly intervalMs: number;
  readonly reader: WatchReader;
  vitals(): Vitals;
  onFatal(error: Error): void;
}

export async function createPresence(
  deps: RoleDeps,
  createEvent: CreateEvent,
  options: PresenceOptions,
): Promise<Presence> {
  const { log, appenders, clock, logger, topics, processId } = deps;
  const partition = partitionForKey(processId, await log.admin.partitionCount(topics.status));
  const startedAt = clock.now();
  let watch: Watch | null = null;
  let heartbeats: { stop(): void } | null = null;

  function send<T extends StatusEvent>(envelope: Envelope<T>): void {
    appenders.coordination
      .append({ topic: topics.status, partition, key: processId, event: createEvent(envelope) })
      .catch((error: unknown) => {
        // An appender that has given up on the partition would keep the process silent forever.
        if (error instanceof AppendFailed) options.onFatal(error);
        else if (!(error instanceof AppendDropped))
          logger.warn({ err: asError(error), event_type: envelope.type }, 'status.not_sent');
      });
  }

  let pendingHeartbeat: Timer | null = null;
  const live = () => ({ worker_id: processId, started_at: startedAt, ...options.vitals(), ...reading(deps) });
  const sendHeartbeat = () => send({ type: 'heartbeat', from: processId, payload: live() });
  return {
    send,
    heartbeatSoon() {
      pendingHeartbeat ??= clock.setTimer(HEARTBEAT_SOON_MS, () => {
        pendingHeartbeat = null;
        sendHeartbeat();
      });
    },
    async start() {
      watch = await log.watch({
        topics: [topics.status],
        reader: options.reader,
        from: 'end',
        onRecord({ content }) {
          if (content.kind !== 'event' || content.event.event_type !== 'request_status') return;
          const { request_id, requested_by } = content.event.payload;
          const payload = { request_id, models: deps.models ?? null, ...live() };
          send({ type: 'status_report', from: processId, to: requested_by, payload });
        },
        onFatal: options.onFatal,
      });
      sendHeartbeat();
      heartbeats = repeat(clock, options.intervalMs, sendHeartbeat, options.onFatal);
    },
    async stop() {
      heartbeats?.stop();
      pendingHeartbeat?.cancel();
      await watch?.stop();
    },
  };
}

/** The process's own numbers and warnings, as the events name them. */
function reading({ vitals, warnings, httpAddress }: RoleDeps) {
  const { memoryBytes, heapUsedBytes, loopDelayMs } = vitals.read();
  return {
    memory_bytes: memoryBytes,
    heap_used_bytes: heapUsedBytes,
    loop_delay_mean_ms: loopDelayMs.mean,
    loop_delay_p99_ms: loopDelayMs.p99,
    loop_delay_max_ms: loopDelayMs.max,
    warnings: [...(warnings?.() ?? [])],
    http_address: httpAddress ?? null,
  };
}
