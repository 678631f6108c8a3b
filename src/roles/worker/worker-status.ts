/** What a worker says of itself: its signs of life on the status topic, and its health. */
import { publishCircuitEvents } from '../shared/circuit-events.js';
import { createBlockedPartitions, type BlockedPartitions } from '../shared/blocked-partitions.js';
import { createOpenPartitions, type OpenPartitions } from '../shared/open-partitions.js';
import { partitionReadings } from '../shared/partition-readings.js';
import { createPresence, type Presence, type Vitals } from '../shared/presence.js';
import type { Reading } from '../../ports/metrics.js';
import type { RoleHealth } from '../shared/role-health.js';
import type { CreateEvent } from '../../domain/event-factory.js';
import { workerReader } from '../../domain/topic-names.js';
import type { WorkerDeps } from './worker-context.js';
import type { WorkerGroups } from './worker-groups.js';
import type { WorkerPartition } from './worker-partition.js';

export interface WorkerStatus {
  readonly blocked: BlockedPartitions;
  /** Those that the groups have given to the process. */
  readonly partitions: OpenPartitions<WorkerPartition>;
  health(): RoleHealth;
  /** What its partitions add to the gauges. */
  readings(): readonly Reading[];
  /** Says that the process is starting. */
  begin(): Promise<void>;
  /** The groups were joined: heartbeats from now on. */
  onJoined(): Promise<void>;
  /** The set of held partitions has changed. */
  onHeldChanged(): void;
  onStepEnded(): void;
  /** The process shuts down. Returns how many tasks are still running. */
  onDraining(): number;
  /** Says that the process has stopped. */
  end(): Promise<void>;
}

export interface WorkerStatusOptions {
  readonly createEvent: CreateEvent;
  readonly groups: WorkerGroups;
  readonly heartbeatMs: number;
  onFatal(error: Error): void;
}

export function createWorkerStatus(deps: WorkerDeps, options: WorkerStatusOptions): WorkerStatus {
  const { logger, processId } = deps;
  let presence: Presence | null = null;
  let stopCircuitEvents: () => void = () => undefined;
  let isReady = false;
  let isDraining = false;
  let stepsDone = 0;
  const blocked = createBlockedPartitions({ logger, processId, presence: () => presence, isReady: () => isReady });
  const partitions = createOpenPartitions<WorkerPartition>(blocked);
  const vitals = () => vitalsOf(deps, partitions, { blocked: blocked.list(), steps_done: stepsDone });
  const health = () => healthOf(options.groups, partitions, isDraining);
  const say = (status: ServiceStatus, error: string | null = null) =>
    presence?.send({ type: `service_${status}`, from: processId, payload: servicePayload(deps, status, error) });

  /** Ready once every partition that the groups gave us was read back as held. */
  function announceReady(): void {
    if (isReady || presence === null || health().missing.length > 0) return;
    isReady = true;
    say('ready');
    logger.info({ agents: deps.agents.list().length, partitions: partitions.all().length }, 'worker.ready');
  }

  return {
    blocked,
    partitions,
    health,
    readings: () => readingsOf(partitions, blocked),
    async begin() {
      const { createEvent, heartbeatMs: intervalMs, onFatal } = options;
      presence = await createPresence(deps, createEvent, {
        intervalMs,
        reader: workerReader(deps.agents.list()),
        vitals,
        onFatal,
      });
      stopCircuitEvents = publishCircuitEvents(deps.circuits, presence, processId);
      say('starting');
    },
    async onJoined() {
      await presence?.start();
      announceReady();
      if (deps.degradedReason) say('unhealthy', deps.degradedReason);
    },
    onHeldChanged() {
      announceReady();
      presence?.heartbeatSoon();
    },
    onStepEnded: () => void (stepsDone += 1),
    onDraining() {
      isDraining = true;
      return vitals().running.length;
    },
    async end() {
      stopCircuitEvents();
      say('stopped');
      await presence?.stop();
    },
  };
}

type ServiceStatus = 'starting' | 'ready' | 'unhealthy' | 'stopped';

function servicePayload({ processId, agents }: WorkerDeps, status: ServiceStatus, error: string | null) {
  return {
    service_name: processId,
    status,
    container_id: null,
    health_check_url: null,
    error_message: error,
    metadata: {
      agents: agents
        .list()
        .map(({ name }) => name)
        .join(','),
    },
  };
}

function healthOf(groups: WorkerGroups, partitions: OpenPartitions<WorkerPartition>, isDraining: boolean): RoleHealth {
  const { missing, stalled } = groups.health();
  return {
    missing: [...(isDraining ? ['the worker is draining'] : []), ...missing, ...partitions.missing()],
    stalled,
    held: partitions.held(),
  };
}

function readingsOf(partitions: OpenPartitions<WorkerPartition>, blocked: BlockedPartitions): readonly Reading[] {
  const held = partitions.all().filter((partition) => partition.held());
  return [
    ...partitionReadings(held, blocked),
    ...held.map(
      ({ agent, running }): Reading => ({ gauge: 'tasksRunning', labels: { agent }, value: running().length }),
    ),
  ];
}

function vitalsOf(
  { agents }: WorkerDeps,
  partitions: OpenPartitions<WorkerPartition>,
  counted: Pick<Vitals, 'blocked' | 'steps_done'>,
): Vitals {
  const running = partitions.all().flatMap((partition) => partition.running());
  return {
    role: 'worker',
    agents: agents.list().map(({ name }) => name),
    partitions: [...partitions.held()],
    running: running.map((execution) => {
      const { mission_id, task_id, attempt, workspace_of } = execution.attempt.assignment;
      return { mission_id, task_id, attempt, step: execution.step(), workspace_of };
    }),
    spent: [],
    cap_reached: null,
    ...counted,
  };
}
