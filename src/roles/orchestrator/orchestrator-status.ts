/** What an orchestrator says of itself: its signs of life on the status topic, and its health. */
import type { CreateEvent } from '../../domain/event-factory.js';
import type { Reading } from '../../ports/metrics.js';
import { createBlockedPartitions, type BlockedPartitions } from '../shared/blocked-partitions.js';
import { publishCircuitEvents } from '../shared/circuit-events.js';
import { createOpenPartitions, type OpenPartitions } from '../shared/open-partitions.js';
import { partitionReadings } from '../shared/partition-readings.js';
import { createPresence, type Presence } from '../shared/presence.js';
import type { RoleHealth } from '../shared/role-health.js';
import type { CapWatch } from './daily-cap.js';
import type { MissionPartition } from './mission-partition.js';
import type { OrchestratorDeps } from './orchestrator-context.js';
import type { OrchestratorGroup } from './orchestrator-group.js';

export interface OrchestratorStatus {
  readonly blocked: BlockedPartitions;
  /** Those that the group has given to the process. */
  readonly partitions: OpenPartitions<MissionPartition>;
  health(): RoleHealth;
  /** What its partitions add to the gauges. */
  readings(): readonly Reading[];
  /** Opens the status topic for what the role reports; heartbeats follow once the caller starts the presence. */
  begin(): Promise<Presence>;
  /** The process shuts down. */
  onDraining(): void;
  /** Nothing is reported any more. */
  end(): Promise<void>;
}

export interface OrchestratorStatusOptions {
  readonly createEvent: CreateEvent;
  readonly group: OrchestratorGroup;
  readonly heartbeatMs: number;
  readonly cap: CapWatch;
  onFatal(error: Error): void;
}

export function createOrchestratorStatus(
  deps: OrchestratorDeps,
  { createEvent, group, heartbeatMs: intervalMs, cap, onFatal }: OrchestratorStatusOptions,
): OrchestratorStatus {
  const { logger, processId } = deps;
  let presence: Presence | null = null;
  let stopCircuitEvents: () => void = () => undefined;
  let isDraining = false;
  const blocked = createBlockedPartitions({ logger, processId, presence: () => presence, isReady: () => true });
  const partitions = createOpenPartitions<MissionPartition>(blocked);
  const vitals = () => ({
    role: 'orchestrator' as const,
    agents: [],
    running: [],
    blocked: blocked.list(),
    steps_done: 0,
    cap_reached: cap.reached()?.reason ?? null,
    spent: cap.spentOf([...partitions.held()].map(({ partition }) => partition)),
    partitions: [...partitions.held()],
  });
  return {
    blocked,
    partitions,
    health() {
      const { missing, stalled } = group.health();
      return {
        missing: [...(isDraining ? ['the orchestrator is draining'] : []), ...missing, ...partitions.missing()],
        stalled,
        held: partitions.held(),
      };
    },
    readings() {
      const held = partitions.all().filter((partition) => partition.held());
      return [...partitionReadings(held, blocked), ...held.flatMap((partition) => partition.readings())];
    },
    async begin() {
      presence = await createPresence(deps, createEvent, { intervalMs, reader: 'orchestrator', vitals, onFatal });
      stopCircuitEvents = publishCircuitEvents(deps.circuits, presence, processId);
      return presence;
    },
    onDraining() {
      isDraining = true;
    },
    async end() {
      stopCircuitEvents();
      await presence?.stop();
    },
  };
}
